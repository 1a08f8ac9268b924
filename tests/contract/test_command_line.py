"""Every wiring trains two steps on the embedded data and predicts an image."""

import json

import numpy as np
import pytest
from PIL import Image

from jaxseg.cli.main import main
from tests.contract.representatives import WIRINGS
from tests.contract.rows import ROWS, SEGMENTING
from tests.tiers import tiered

# Wirings that other tests train in the same way: the two tasks of
# tests/cli/test_systems.py, networks with logits alone, as most tests of the commands
# have them, and the output for class presence of tests/training/test_gradient.py. SPN is
# SETR's auxiliaries without the running statistics, which DeepLab v1 does not have either.
ELSEWHERE = {
    "deeplabv1_vgg16",
    "ginet_resnet50",
    "pix2pix_unet256",
    "prob_unet",
    "spn",
    "unet",
}
# Wirings that predict in another way than networks with logits alone.
PREDICTING = ("bayesian_segnet_basic", "mask2former_swin_t", "setr_naive_vitl16")
CONFIG = """
from jaxseg.config import Config, DataConfig, LossConfig, ModelConfig, TrainConfig

config = Config(
    model=ModelConfig({name!r}, {options!r}),
    data=DataConfig(crop=(64, 64), train_split="train[:8]", eval_split="validation[:1]"),
    loss=LossConfig(**{loss!r}),
    train=TrainConfig(steps=2, batch_size=2, eval_batch_size=1, log_every=1, num_overlays=0, report_images=0),
)
"""


@pytest.fixture(scope="module", autouse=True)
def prepared(drawn_data):
    """One copy of the drawn data for all networks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXSEG_DATA_DIR", str(drawn_data))
        yield


@pytest.fixture(scope="module")
def run(request, prepared, tmp_path_factory):
    """The directory of a run of two steps with the named network."""
    name = request.param
    row, folder = ROWS[name], tmp_path_factory.mktemp(name)
    config, work = folder / "config.py", folder / "run"
    text = CONFIG.format(name=name, options=row["narrow"], loss=row.get("loss", {}))
    config.write_text(text)
    status = main(["train", str(config), "--workdir", str(work), "--devices", "1"])
    assert status == 0
    return work


@pytest.mark.parametrize(
    "run", tiered(SEGMENTING, WIRINGS.keys() - ELSEWHERE), indirect=True
)
def test_trains_two_steps(run):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").open()]
    steps = [line for line in lines if line["kind"] == "train"]
    assert [line["step"] for line in steps] == [1, 2]
    assert all(np.isfinite(line["loss"]) and line["grad_norm"] > 0 for line in steps)


@pytest.mark.parametrize("run", tiered(SEGMENTING, PREDICTING), indirect=True)
def test_predicts(run, tmp_path):
    image = tmp_path / "image.png"
    pixels = np.random.default_rng(0).integers(0, 255, (70, 90, 3), np.uint8)
    Image.fromarray(pixels).save(image)
    out = tmp_path / "out"
    assert main(["predict", str(image), "-o", str(out), "--workdir", str(run)]) == 0
    with Image.open(out / "image.png") as prediction:
        assert prediction.mode == "P" and prediction.size == (90, 70)
        assert np.asarray(prediction).max() < 7
