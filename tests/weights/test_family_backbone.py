"""ImageNet weights become the backbone of a family that the user names."""

import jax
import numpy as np
import pytest

from jaxseg import create_model, weights
from jaxseg.backbones.catalog import BACKBONES
from jaxseg.runs.recognition import recognize
from jaxseg.runs.wanted import Wanted
from jaxseg.weights.catalog.library_names import named_by
from jaxseg.weights.catalog.maps import smp_efficientnet, smp_unet, timm_efficientnet
from jaxseg.weights.model_variables import variable_shapes

NARROW = {"model": {"options": {"backbone_options": {"width": 0.25}}}}
PART = {"part": "backbone", "num_classes": 3}


@pytest.fixture(scope="module")
def state():
    """A narrow EfficientNet-Lite0 of zeros under timm's names."""
    shapes = variable_shapes(BACKBONES["efficientnet_lite0"].create(width=0.25), 3)
    zeros = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
    return weights.to_torch(zeros, timm_efficientnet.TRUNK)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "padding", "epsilon", "doubts"),
    [
        ("tf_efficientnet_lite0.pth", "same", 1e-3, 0),
        ("efficientnet_lite0.pth", "symmetric", 1e-5, 0),
        ("best.pth", "symmetric", 1e-5, 1),
    ],
)
def test_options_of_the_source_reach_the_backbone(
    state, name, padding, epsilon, doubts
):
    wanted = Wanted("fcn", options=NARROW, backbone="efficientnet_lite0", **PART)
    found = recognize(state, name, name, wanted)
    assert found.config.model.title == "fcn on efficientnet_lite0"
    inner = found.config.model.options["backbone_options"]
    assert inner == {"padding": padding, "epsilon": epsilon, "width": 0.25}
    assert len(found.assumed) == doubts
    if doubts:
        assert "--model.options.backbone_options.padding same" in found.assumed[0]


@pytest.mark.slow
def test_the_backbone_of_the_family_is_asked_for(state):
    with pytest.raises(ValueError, match="Pass backbone='efficientnet_lite0'"):
        recognize(state, "a.pth", "a.pth", Wanted("fcn", options=NARROW, **PART))


def test_a_whole_network_takes_no_backbone():
    keys = ("encoder.layer4.0.conv1.weight", "decoder.aspp.convs.0.0.weight")
    tree = {key: np.zeros((1, 1, 1, 1), np.float32) for key in keys}
    wanted = Wanted("deeplabv3", backbone="resnet50")
    with pytest.raises(ValueError, match="backbone='resnet50' is invalid: expected no"):
        recognize(tree, "a.pth", "a.pth", wanted)


@pytest.mark.slow
def test_a_whole_network_on_a_backbone():
    """The encoder and the options of segmentation_models.pytorch follow from the file."""
    features, inner = (8, 8, 4, 4, 4), {"width": 0.25, "stem_level": True}
    model = create_model(
        "unet",
        3,
        backbone="efficientnet_lite1",
        features=features,
        backbone_options=inner,
    )
    shapes = variable_shapes(model)
    zeros = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
    rules = (*smp_efficientnet.TIMM, *smp_unet.HEAD)
    state = weights.to_torch(zeros, rules)
    found = recognize(state, "a.pth", "a.pth", Wanted(options=NARROW))
    network = found.config.model
    assert network.title == "unet on efficientnet_lite1" and found.num_classes == 3
    assert network.options["features"] == features
    assert network.options["backbone_options"] == inner | {
        "epsilon": 1e-5,
        "padding": "symmetric",
    }
    back = named_by("segmentation_models_pytorch", network, zeros)
    assert back.keys() == state.keys()
    with pytest.raises(ValueError, match="is invalid: expected no backbone"):
        wanted = Wanted("unet", options=NARROW, backbone="resnet50")
        recognize(state, "a.pth", "a.pth", wanted)
