"""DenseNet trunks equal torchvision's and timm's, transitions and last norm."""

import pytest

from jaxseg.backbones.densenet import DenseNet
from jaxseg.weights.catalog.maps import torchvision_densenet as table
from jaxseg.weights.translate.convert import translate
from jaxseg.weights.translate.rules import drop

RULES = table.BACKBONE + drop(r"classifier\.(weight|bias)")


def levels(net, x):
    """Transition convolutions (before pooling) and the normalized end."""
    outputs = {}
    for name, layer in net.features.named_children():
        if name.startswith("transition"):
            x = layer.conv(layer.norm(x).relu())
            outputs[f"c{int(name[-1]) + 1}"] = x
            x = layer.pool(x)
        else:
            x = layer(x)
    outputs["c5"] = x.relu()
    return outputs


@pytest.mark.slow
@pytest.mark.parametrize("depth", [121, 161])
def test_torchvision(peers, depth):
    net = getattr(peers.torchvision.models, f"densenet{depth}")()
    peers.randomize(net)
    label = f"torchvision: densenet{depth}"
    peers.compare(DenseNet(depth), net, RULES, run=levels, label=label)


@pytest.mark.slow
def test_timm(peers):
    net = peers.randomize(peers.timm.create_model("densenet121"))
    run = lambda net, x: {"c5": net.forward_features(x)}
    peers.compare(DenseNet(121), net, RULES, run=run, label="timm: densenet121")


def test_the_published_spelling():
    """Files of 2017 say ``norm.1``, ``conv.2``."""
    old = "features.denseblock1.denselayer2.norm.1.running_var"
    assert translate(old, RULES)[0] == "batch_stats/block1_2/norm1/var"
    old = "features.denseblock4.denselayer16.conv.2.weight"
    assert translate(old, RULES)[0] == "params/block4_16/conv2/kernel"
