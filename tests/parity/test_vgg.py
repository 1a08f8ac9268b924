"""VGG trunks equal torchvision's, pool1 ... pool5, of an odd height and an even width."""

import pytest

from jaxseg.backbones.vgg import VGG
from jaxseg.weights.catalog.maps.torchvision_vgg import backbone
from jaxseg.weights.translate.rules import drop


def pools(net, x):
    """The output of each pooling of torchvision's ``features``."""
    outputs = {}
    for layer in net.features:
        x = layer(x)
        if type(layer).__name__ == "MaxPool2d":
            outputs[f"c{len(outputs) + 1}"] = x
    return outputs


@pytest.mark.slow
@pytest.mark.parametrize("depth", [16, 19])
@pytest.mark.parametrize("batch_norm", [False, True], ids=["plain", "bn"])
def test_torchvision(peers, depth, batch_norm):
    name = f"vgg{depth}_bn" if batch_norm else f"vgg{depth}"
    net = getattr(peers.torchvision.models, name)()
    net.classifier, net.avgpool = peers.torch.nn.Identity(), peers.torch.nn.Identity()
    peers.randomize(net, depth, run=lambda net, x: net.features(x))
    rules = backbone(depth, batch_norm=batch_norm) + drop(r"classifier\..*")
    model = VGG(depth, batch_norm=batch_norm)
    peers.compare(model, net, rules, run=pools, label=f"torchvision: {name}")
