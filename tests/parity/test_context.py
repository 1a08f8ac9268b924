"""Context networks equal MMSegmentation's and timm's under random weights."""

import pathlib

import pytest

from jaxseg import create_model, weights
from jaxseg.backbones.hrnet import HRNet
from jaxseg.backbones.se_resnet import SEResNet
from jaxseg.backbones.vit import ViT
from jaxseg.weights.catalog.maps import (
    mmseg_bisenet,
    mmseg_danet,
    mmseg_hrnet,
    mmseg_nonlocal,
    mmseg_ocrnet,
    mmseg_setr,
    timm_hrnet,
    timm_seresnet,
    timm_vit,
)

EVEN = ((64, 64), (64, 96))
TRUNK = {"stem": "c", "blocks": (1, 1, 1, 1)}


def plain(node):
    """The configuration with ordinary batch norm and nothing to download."""
    if isinstance(node, dict):
        node = {k: plain(v) for k, v in node.items()}
        if node.get("type") == "SyncBN":
            node["type"] = "BN"
        return {k: v for k, v in node.items() if k not in ("pretrained", "init_cfg")}
    return [plain(v) for v in node] if isinstance(node, (list, tuple)) else node


def build(peers, name, **backbone):
    """The model of `configs/_base_/models/<name>.py`, trunk fields replaced."""
    root = pathlib.Path(peers.mmseg.__file__).parent / ".mim/configs/_base_/models"
    from mmengine.config import Config
    from mmengine.registry import init_default_scope
    from mmseg.registry import MODELS

    init_default_scope("mmseg")
    config = plain(Config.fromfile(root / f"{name}.py").model.to_dict())
    config["backbone"].update(backbone)
    config.pop("data_preprocessor", None)
    return MODELS.build(config)


def whole(net, x):
    """All outputs at the image's size under our names; heads may form a cascade."""
    features = net.extract_feat(x)
    heads = net.decode_head if hasattr(net.decode_head, "append") else [net.decode_head]
    logits = None
    for head in heads:
        previous = logits
        logits = head(features) if logits is None else head(features, logits)
    outputs = {"logits": logits}
    if len(heads) > 1:
        outputs["aux"] = previous
    outputs.update(auxiliary(net, features))
    return enlarge(outputs, x)


def auxiliary(net, features):
    if not net.with_auxiliary_head:
        return {}
    if not hasattr(net.auxiliary_head, "append"):
        return {"aux": net.auxiliary_head(features)}
    heads = enumerate(net.auxiliary_head, start=1)
    return {f"aux_{i}": head(features) for i, head in heads}


def enlarge(outputs, x):
    from torch.nn.functional import interpolate

    return {
        name: interpolate(y, x.shape[2:], mode="bilinear", align_corners=False)
        for name, y in outputs.items()
    }


def tiny_resnet(net):
    """One block per stage."""
    for index in range(1, 5):
        stage = getattr(net.backbone, f"layer{index}")
        del stage[1:]
    return net


@pytest.mark.slow
def test_mmseg_hrnet(peers):
    net = peers.randomize(build(peers, "fcn_hr18"), run=whole)
    model = create_model("hrnet_w18", 19, head_bias=False, two_step=True)
    label = "mmseg: HRNet-W18"
    peers.compare(model, net, mmseg_hrnet.MAP, run=whole, label=label)


@pytest.mark.slow
def test_mmseg_ocrnet(peers):
    net = peers.randomize(build(peers, "ocrnet_hr18"), run=whole)
    model = create_model(
        "ocrnet_hrnet_w18", 19, bias=False, align_corners=False, two_step=True
    )
    peers.compare(
        model,
        net,
        mmseg_ocrnet.MAP,
        run=whole,
        label="mmseg: OCRNet HRNet-W18",
    )


@pytest.mark.slow
def test_mmseg_ocrnet_resnet(peers):
    """The cascade: the region head reads layer 3."""
    net = peers.randomize(tiny_resnet(build(peers, "ocrnet_r50-d8")), run=whole)
    options = {"bias": False, "align_corners": False, "region_features": 256}
    model = create_model("ocrnet_resnet101", 19, depth=50, **options, **TRUNK)
    source = weights.detect(net.state_dict())
    assert source.name == "OCRNet on ResNet-v1c"
    label = "mmseg: OCRNet R50-D8"
    peers.compare(model, net, source.rules, run=whole, label=label)


@pytest.mark.slow
@pytest.mark.parametrize("decoder", ["naive", "pup", "mla"])
def test_mmseg_setr(peers, decoder):
    taps = (2, 5, 8, 11) if decoder == "mla" else (4, 7, 9, 11)
    net = build(
        peers,
        f"setr_{decoder}",
        img_size=(64, 64),
        num_layers=12,
        out_indices=taps,
    )
    peers.randomize(net, run=whole)
    model = create_model(
        f"setr_{decoder}_vitl16",
        19,
        variant="mmseg",
        image_size=(64, 64),
        depth=12,
    )
    rules = mmseg_setr.MLA if decoder == "mla" else mmseg_setr.UPSAMPLING
    label = f"mmseg: SETR {decoder}"
    peers.compare(model, net, rules, sizes=EVEN, run=whole, label=label)


@pytest.mark.slow
def test_mmseg_danet(peers):
    net = tiny_resnet(build(peers, "danet_r50-d8"))
    peers.randomize(net, run=danet_outputs)
    model = create_model(
        "danet_resnet50", 19, variant="release", align_corners=False, **TRUNK
    )
    peers.compare(model, net, mmseg_danet.MAP, run=danet_outputs, label="mmseg: DANet")


def danet_outputs(net, x):
    """Their three outputs under our names."""
    names = ("logits", "aux_position", "aux_channel")
    outputs = net.decode_head(net.extract_feat(x))
    return enlarge(dict(zip(names, outputs, strict=True)), x)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["embedded_gaussian", "dot_product"])
def test_mmseg_nonlocal(peers, mode):
    net = tiny_resnet(build(peers, "nonlocal_r50-d8"))
    net.decode_head.nl_block.mode = mode
    peers.randomize(net, run=whole)
    model = create_model("nonlocal_resnet50", 19, use_scale=True, mode=mode, **TRUNK)
    peers.compare(
        model,
        net,
        mmseg_nonlocal.MAP,
        run=whole,
        label=f"mmseg: Non-local {mode}",
    )


@pytest.mark.slow
def test_mmseg_bisenet(peers):
    """Nearest upsampling by whole factors: elsewhere torch's "nearest" is off-center."""
    net = peers.randomize(build(peers, "bisenetv1_r18-d32"), run=bisenet_outputs)
    peers.compare(
        create_model("bisenet_resnet18", 19, form="mmseg"),
        net,
        mmseg_bisenet.MAP,
        sizes=EVEN[1:],
        run=bisenet_outputs,
        label="mmseg: BiSeNetV1 R18",
    )


def bisenet_outputs(net, x):
    outputs = whole(net, x)
    names = {"logits": "logits", "aux_1": "aux_c3", "aux_2": "aux_c4"}
    return {names[key]: y for key, y in outputs.items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "vit_tiny_patch16_224",
        "deit_tiny_patch16_224",
        "deit_tiny_distilled_patch16_224",
    ],
)
def test_timm_vit(peers, name):
    """Tokens before the final norm; another size resizes the position embedding."""
    net = peers.timm.create_model(name, img_size=64, num_classes=0)
    run = vit_layers((3, 11))
    peers.randomize(net, run=run)
    distilled = "distilled" in name
    model = ViT(12, 192, 3, image_size=(64, 64), taps=(3, 11), distilled=distilled)
    peers.compare(
        model,
        net,
        timm_vit.BACKBONE,
        sizes=((64, 64),),
        run=run,
        label=f"timm: {name}",
    )


def vit_layers(taps):
    def run(net, x):
        maps = net.forward_intermediates(x, indices=list(taps), norm=False)[1]
        return {f"layer{tap}": y for tap, y in zip(taps, maps, strict=True)}

    return run


@pytest.mark.slow
@pytest.mark.parametrize("depth", [50, 101])
def test_timm_seresnet(peers, depth):
    net = peers.timm.create_model(f"seresnet{depth}")
    run = lambda net, x: {
        f"c{i + 1}": y for i, y in enumerate(net.forward_intermediates(x)[1])
    }
    peers.randomize(net, run=run)
    peers.compare(
        SEResNet(depth),
        net,
        timm_seresnet.BACKBONE,
        run=run,
        label=f"timm: seresnet{depth}",
    )


@pytest.mark.slow
def test_timm_hrnet(peers):
    """The trunk of the classifier, which enlarges by repetition."""
    net = peers.timm.create_model("hrnet_w18_small_v2")

    def run(net, x):
        x = net.act2(net.bn2(net.conv2(net.act1(net.bn1(net.conv1(x))))))
        return {f"c{i + 2}": y for i, y in enumerate(net.stages(x))}

    peers.randomize(net, run=run)
    trunk = {"first_blocks": 2, "blocks": 2, "modules": (1, 3, 2)}
    model = HRNet(18, method="nearest", **trunk)
    rules = timm_hrnet.BACKBONE + timm_hrnet.CLASSIFIER
    peers.compare(model, net, rules, sizes=EVEN, run=run, label="timm: hrnet_w18")
