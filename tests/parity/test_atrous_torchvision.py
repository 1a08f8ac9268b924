"""DeepLab v3, LR-ASPP, GoogLeNet, AlexNet and Xception equal torchvision's and timm's."""

import pytest

from jaxseg import create_model
from jaxseg.backbones.alexnet import AlexNet
from jaxseg.backbones.googlenet import GoogLeNet
from jaxseg.backbones.xception import Xception
from jaxseg.weights.catalog.maps import (
    timm_xception,
    torchvision_alexnet,
    torchvision_deeplabv3,
    torchvision_googlenet,
    torchvision_lraspp,
)
from jaxseg.weights.translate.rules import drop


@pytest.mark.slow
def test_deeplabv3_resnet(peers):
    build = peers.torchvision.models.segmentation.deeplabv3_resnet50
    net = build(weights=None, weights_backbone=None, num_classes=5, aux_loss=True)
    for index in (1, 2, 3, 4):  # two units: one at the old rate, one at the new
        net.backbone[f"layer{index}"] = net.backbone[f"layer{index}"][:2]
    peers.randomize(net)
    model = create_model("deeplabv3_resnet50", 5, aux=True, blocks=(2, 2, 2, 2))
    label = "torchvision: deeplabv3_resnet50"
    peers.compare(model, net, torchvision_deeplabv3.MAP, label=label)


@pytest.mark.slow
def test_deeplabv3_mobilenet(peers):
    build = peers.torchvision.models.segmentation.deeplabv3_mobilenet_v3_large
    net = build(weights=None, weights_backbone=None, num_classes=5, aux_loss=True)
    options = {"aux": True, "eager_rate": True, "rates": (12, 24, 36)}
    model = create_model("deeplabv3_mobilenetv3", 5, **options)
    label = "torchvision: deeplabv3_mobilenet_v3_large"
    rules = torchvision_deeplabv3.MAP_MOBILENET
    peers.compare(model, peers.randomize(net), rules, label=label)


@pytest.mark.slow
def test_lraspp(peers):
    build = peers.torchvision.models.segmentation.lraspp_mobilenet_v3_large
    net = build(weights=None, weights_backbone=None, num_classes=5)
    model = create_model("lraspp_mobilenetv3", 5, eager_rate=True)
    label = "torchvision: lraspp_mobilenet_v3_large"
    peers.compare(model, peers.randomize(net), torchvision_lraspp.MAP, label=label)


@pytest.mark.slow
def test_googlenet(peers):
    net = peers.torchvision.models.googlenet(
        weights=None, aux_logits=False, init_weights=False
    )

    def run(net, x):
        stages = {"inception3b": "c3", "inception4e": "c4", "inception5b": "c5"}
        outputs = {}
        for name, layer in net.named_children():
            if name in ("avgpool", "aux1", "aux2"):
                break
            x = layer(x)
            if name in stages:
                outputs[stages[name]] = x
        return outputs

    peers.randomize(net, run=run)
    rules = torchvision_googlenet.BACKBONE + drop(r"fc\.(weight|bias)")
    peers.compare(GoogLeNet(), net, rules, run=run, label="torchvision: googlenet")


def test_alexnet(peers):
    net = peers.torchvision.models.alexnet()
    run = lambda net, x: {"c5": net.features(x)}
    peers.randomize(net, run=run)
    rules = torchvision_alexnet.BACKBONE + drop(r"classifier\.\d\.(weight|bias)")
    sizes = ((95, 130),)
    peers.compare(
        AlexNet(), net, rules, sizes=sizes, run=run, label="torchvision: alexnet"
    )


# Not 71 at stride 8: timm's network then drops the projection of the unit that lost its
# stride, and no longer has the strided network's parameters.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("depth", "output_stride"), [(41, 32), (41, 8), (71, 32), (71, 16)]
)
def test_xception(peers, depth, output_stride):
    net = peers.timm.create_model(f"xception{depth}", output_stride=output_stride)
    run = lambda net, x: {"c5": net.forward_features(x)}
    peers.randomize(net, run=run)
    rules = timm_xception.backbone(depth) + drop(r"head\.fc\.(weight|bias)")
    model = Xception(depth, output_stride)
    label = f"timm: xception{depth} at stride {output_stride}"
    peers.compare(model, net, rules, sizes=((65, 97),), run=run, label=label)
