"""MobileNet v2 and v3 trunks equal torchvision's and timm's."""

import pytest

from jaxseg.backbones.mobilenet import MobileNetV2, MobileNetV3
from jaxseg.weights.catalog.maps import timm_mobilenet_v2 as timm_v2
from jaxseg.weights.catalog.maps import timm_mobilenet_v3 as timm_v3
from jaxseg.weights.catalog.maps import torchvision_mobilenet_v2 as v2
from jaxseg.weights.catalog.maps import torchvision_mobilenet_v3 as v3
from jaxseg.weights.translate.rules import drop

_CLASSIFIER = drop(r"classifier(\.\d)?\.(weight|bias)")


def levels(ends):
    """The outputs of torchvision's ``features`` at the given places."""

    def run(net, x):
        outputs = {}
        for i, layer in enumerate(net.features):
            x = layer(x)
            if i in ends:
                outputs[ends[i]] = x
        return {**outputs, "c5": x}

    return run


@pytest.mark.slow
def test_v2(peers):
    net = peers.randomize(peers.torchvision.models.mobilenet_v2())
    run = levels({1: "c1", 3: "c2", 6: "c3", 13: "c4"})
    model, rules = MobileNetV2(last=1280), v2.BACKBONE + _CLASSIFIER
    peers.compare(model, net, rules, run=run, label="torchvision: mobilenet_v2")


@pytest.mark.slow
def test_v2_of_timm(peers):
    net = peers.randomize(peers.timm.create_model("mobilenetv2_100"))
    run = lambda net, x: {"c5": net.forward_features(x)}
    model, rules = MobileNetV2(last=1280), timm_v2.BACKBONE + _CLASSIFIER
    peers.compare(model, net, rules, run=run, label="timm: mobilenetv2_100")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "rules", "ends"),
    [
        ("large", v3.BACKBONE_LARGE, {1: "c1"}),
        ("small", v3.BACKBONE_SMALL, {}),
    ],
)
def test_v3(peers, size, rules, ends):
    net = getattr(peers.torchvision.models, f"mobilenet_v3_{size}")()
    peers.randomize(net)
    model, label = MobileNetV3(size), f"torchvision: mobilenet_v3_{size}"
    run = lambda net, x: {"c5": net.features(x)}
    peers.compare(model, net, rules + _CLASSIFIER, run=run, label=label)


@pytest.mark.slow
@pytest.mark.parametrize("size", ["large", "small"])
def test_v3_of_timm(peers, size):
    """The same layers with another epsilon; with ours it is visibly off."""
    net = peers.randomize(peers.timm.create_model(f"mobilenetv3_{size}_100"))
    run = lambda net, x: {"c5": net.blocks(net.bn1(net.conv_stem(x)))}
    rules = getattr(timm_v3, f"BACKBONE_{size.upper()}") + timm_v3.CLASSIFIER
    label = f"timm: mobilenetv3_{size}_100"
    peers.compare(MobileNetV3(size, epsilon=1e-5), net, rules, run=run, label=label)
    with pytest.raises(AssertionError, match="> 1e-04"):
        peers.compare(MobileNetV3(size), net, rules, run=run, sizes=[(64, 64)])


@pytest.mark.slow
def test_dense_v3(peers):
    """torchvision's segmentation trunk: the last three blocks dilated."""
    make = peers.torchvision.models.mobilenet_v3_large
    net = peers.randomize(make(dilated=True))
    model = MobileNetV3("large", output_stride=16, eager_rate=True)
    run = lambda net, x: {"c5": net.features(x)}
    rules, label = (
        v3.BACKBONE_LARGE + _CLASSIFIER,
        "torchvision: mobilenet_v3_large /16",
    )
    peers.compare(model, net, rules, run=run, label=label)


@pytest.mark.slow
@pytest.mark.parametrize("size", ["large", "small"])
def test_v3_of_tensorflow(peers, size):
    """timm's tf_ networks pad as TensorFlow does; symmetric padding is visibly off."""
    name = f"tf_mobilenetv3_{size}_100"
    net = peers.randomize(peers.timm.create_model(name))
    run = lambda net, x: {"c5": net.blocks(net.bn1(net.conv_stem(x)))}
    rules = getattr(timm_v3, f"BACKBONE_{size.upper()}") + timm_v3.CLASSIFIER
    model = MobileNetV3(size, same_padding=True)
    peers.compare(model, net, rules, run=run, label=f"timm: {name}")
    with pytest.raises(AssertionError, match="> 1e-02"):
        peers.compare(
            MobileNetV3(size), net, rules, run=run, sizes=[(64, 64)], rtol=1e-2
        )
