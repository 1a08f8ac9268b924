"""A network that is trained without the loss of its paper gives a note."""

from jaxseg import create_model
from jaxseg.config import LossConfig
from jaxseg.tasks.start import loss_note

MASKS = "mask_classification"


def test_only_mask2former_without_its_loss_gives_a_note():
    model = create_model("mask2former_swin_t", 5)
    assert f"--loss.name {MASKS}" in loss_note(LossConfig(), model)
    assert loss_note(LossConfig(MASKS), model) is None
    assert loss_note(LossConfig(additional=((MASKS, 1.0),)), model) is None
    assert loss_note(LossConfig(), create_model("unet", 5)) is None
