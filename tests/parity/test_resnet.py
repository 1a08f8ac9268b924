"""ResNet trunks equal torchvision's and timm's, c2 ... c5, at even and odd sizes."""

import pytest

from jaxseg.backbones.resnet import ResNet, create_resnet
from jaxseg.weights.catalog.maps import (
    mmseg_resnet_d,
    timm_resnet,
    timm_resnet_d,
    torchvision_resnet,
)
from jaxseg.weights.translate.rules import drop

_FC = drop(r"fc\.(weight|bias)")


def stages(net, x):
    """The four stages of a torchvision or timm ResNet."""
    act = net.relu if hasattr(net, "relu") else net.act1
    x = net.maxpool(act(net.bn1(net.conv1(x))))
    outputs = {}
    for i in range(1, 5):
        x = outputs[f"c{i + 1}"] = getattr(net, f"layer{i}")(x)
    return outputs


@pytest.mark.slow
@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
def test_torchvision(peers, depth):
    net = getattr(peers.torchvision.models, f"resnet{depth}")()
    peers.randomize(net, depth)
    rules = torchvision_resnet.BACKBONE + _FC
    label = f"torchvision: resnet{depth}"
    sizes = peers.EVEN_AND_ODD
    peers.compare(ResNet(depth), net, rules, sizes=sizes, run=stages, label=label)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "stem", "rules"),
    [
        ("resnet50", "7x7", torchvision_resnet.BACKBONE),
        ("resnet50c", "c", timm_resnet.BACKBONE),
        ("resnet18d", "d", timm_resnet_d.BACKBONE),
        ("resnet50d", "d", timm_resnet_d.BACKBONE),
        ("resnet50s", "beta", timm_resnet.BACKBONE),
    ],
)
def test_timm(peers, name, stem, rules):
    net = peers.randomize(peers.timm.create_model(name))
    depth = int(name.rstrip("cds").removeprefix("resnet"))
    model = create_resnet(depth, stem=stem)
    peers.compare(model, net, rules + _FC, run=stages, label=f"timm: {name}")


@pytest.mark.slow
@pytest.mark.parametrize("stride", [8, 16])
def test_dense(peers, stride):
    """Atrous stages: the first block of a dense stage keeps the previous rate."""
    dense = (False, stride == 8, True)
    net = peers.torchvision.models.resnet50(replace_stride_with_dilation=dense)
    peers.randomize(net, stride)
    rules, label = torchvision_resnet.BACKBONE, f"torchvision: resnet50 /{stride}"
    model = ResNet(50, output_stride=stride)
    peers.compare(model, net, rules + _FC, run=stages, label=label)


@pytest.mark.slow
@pytest.mark.parametrize("stride", [8, 16])
def test_dense_timm(peers, stride):
    """timm's pooling shortcut of a dense stage averages adjacent pixels."""
    net = peers.timm.create_model("resnet50d", output_stride=stride)
    peers.randomize(net, stride)
    model = create_resnet(50, output_stride=stride, stem="d", dense_pool="adjacent")
    rules, label = timm_resnet_d.BACKBONE + _FC, f"timm: resnet50d /{stride}"
    peers.compare(model, net, rules, run=stages, label=label)


@pytest.mark.slow
def test_dense_mmseg(peers):
    """MMSegmentation's ResNet-v1d does not pool in a dense stage."""
    _ = peers.mmseg
    from mmseg.models.backbones import ResNetV1d

    strides, dilations = (1, 2, 1, 1), (1, 1, 2, 4)
    trunk = ResNetV1d(
        depth=50, strides=strides, dilations=dilations, contract_dilation=True
    )
    net = peers.torch.nn.Module()
    net.backbone = trunk
    run = lambda net, x: {f"c{i}": y for i, y in enumerate(net.backbone(x), start=2)}
    peers.randomize(net, run=run)
    model = create_resnet(50, output_stride=8, stem="d", dense_pool="none")
    rules, label = mmseg_resnet_d.BACKBONE, "mmseg: ResNetV1d-50 /8"
    peers.compare(model, net, rules, run=run, label=label)


def test_a_forgotten_statistic_is_noticed(peers):
    """The randomized reference tells a wrong epsilon and a lost mean."""
    net = peers.randomize(peers.torchvision.models.resnet18())
    rules = torchvision_resnet.BACKBONE + _FC
    for module in net.layer1[0].children():
        if hasattr(module, "eps"):
            module.eps = 1e-2
    with pytest.raises(AssertionError, match=r"c2 at \(32, 32\)"):
        peers.compare(ResNet(18), net, rules, run=stages, sizes=[(32, 32)])
