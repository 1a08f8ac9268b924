"""Training mode equals the libraries': batch statistics, and gradients of all parameters.

One network for each kind of block. Dropout has tests of its own (`models/test_dropout`).
"""

import functools

import numpy as np
import pytest

from jaxseg import create_model, weights
from jaxseg.backbones.resnet import create_resnet
from jaxseg.backbones.vit import ViT
from jaxseg.weights.catalog.maps import (
    mmseg_bisenet,
    mmseg_danet,
    mmseg_deeplab,
    mmseg_dpt,
    smp_deeplab,
    smp_unet,
    timm_resnet_d,
    timm_vit,
    torchvision_deeplabv3,
    torchvision_fcn,
    torchvision_lraspp,
)
from jaxseg.weights.translate.rules import drop
from tests.parity import test_atrous_mmseg as atrous
from tests.parity import test_atrous_smp as smp
from tests.parity import test_context as context
from tests.parity import test_dinov2 as dinov2
from tests.parity import test_dinov3 as dinov3
from tests.parity import test_dpt as dpt
from tests.parity import test_efficientnet as efficientnet
from tests.parity import test_resnet as resnet
from tests.parity import test_swin as swin

ONE = (1, 1, 1, 1)


def make_torchvision_fcn(peers):
    build = peers.torchvision.models.segmentation.fcn_resnet50
    net = build(weights=None, weights_backbone=None, num_classes=5, aux_loss=True)
    for index in (1, 2, 3, 4):
        net.backbone[f"layer{index}"] = net.backbone[f"layer{index}"][:1]
    model = create_model("fcn_resnet50", 5, blocks=ONE)
    return model, peers.randomize(net), torchvision_fcn.MAP, {}


def make_torchvision_deeplabv3(peers):
    build = peers.torchvision.models.segmentation.deeplabv3_resnet50
    net = build(weights=None, weights_backbone=None, num_classes=5, aux_loss=True)
    for index in (1, 2, 3, 4):
        net.backbone[f"layer{index}"] = net.backbone[f"layer{index}"][:1]
    model = create_model("deeplabv3_resnet50", 5, aux=True, blocks=ONE)
    return model, peers.randomize(net), torchvision_deeplabv3.MAP, {}


def make_torchvision_lraspp(peers):
    build = peers.torchvision.models.segmentation.lraspp_mobilenet_v3_large
    net = build(weights=None, weights_backbone=None, num_classes=5)
    model = create_model("lraspp_mobilenetv3", 5, eager_rate=True)
    return model, peers.randomize(net), torchvision_lraspp.MAP, {}


def make_smp_unet(peers):
    """A ResNet-18 with one or two units per stage, and a narrow decoder."""
    build, features = peers.smp.Unet, (16, 16, 8, 8, 8)
    net = build("resnet18", encoder_weights=None, classes=5, decoder_channels=features)
    model = create_model("unet_resnet18", 5, blocks=smp.BLOCKS, features=features)
    return model, peers.randomize(smp.shorten(net)), smp_unet.MAP, {}


def make_smp_unet_plus_plus(peers):
    """A ResNet-18 with one or two units per stage, and a narrow decoder."""
    build, features = peers.smp.UnetPlusPlus, (16, 16, 8, 8, 8)
    net = build("resnet18", encoder_weights=None, classes=5, decoder_channels=features)
    options = {"depth": 18, "blocks": smp.BLOCKS, "features": features}
    model = create_model("unetplusplus_resnet34", 5, **options)
    return model, peers.randomize(smp.shorten(net)), smp_unet.MAP_PLUS_PLUS, {}


def smp_deeplabv3plus(peers):
    net = smp.shorten(smp.build(peers, "DeepLabV3Plus", "resnet34"))
    options = {**smp.PLUS, "depth": 34, "blocks": smp.BLOCKS}
    model = create_model("deeplabv3plus_resnet50", 5, **options)
    return model, peers.randomize(net), smp_deeplab.MAP_V3PLUS, {}


def smp_pspnet(peers):
    options = {"encoder_depth": 3, "upsampling": 8}
    net = smp.shorten(smp.build(peers, "PSPNet", "resnet34", **options))
    source = weights.detect(net.state_dict())
    options = {"depth": 34, "tap": "c3"}
    network = source.network("pspnet_resnet50", options)
    model = create_model(
        network.name, 5, blocks=smp.BLOCKS, **network.options_for(net.state_dict())
    )
    size = {"size": (96, 96)}
    return model, peers.randomize(net, **size), source.rules, size


def timm_resnet18d(peers):
    net = peers.randomize(peers.timm.create_model("resnet18d"))
    rules = timm_resnet_d.BACKBONE + drop(r"fc\.(weight|bias)")
    return create_resnet(18, stem="d"), net, rules, {"run": resnet.stages}


def make_timm_dinov2(peers):
    """Four narrow layers with registers and LayerScale."""
    name, run = "vit_small_patch14_reg4_dinov2", dinov2.timm_maps
    net = peers.randomize(dinov2.timm_net(peers, name), run=run)
    model = dinov2.dinov2(registers=4, class_position=False, **dinov2.NARROW)
    return model, net, dinov2.maps.TIMM, {"run": run}


def make_timm_vit(peers):
    name = "deit_tiny_distilled_patch16_224"
    net = peers.timm.create_model(name, img_size=64, num_classes=0)
    run = context.vit_layers((3, 11))
    model = ViT(12, 192, 3, image_size=(64, 64), taps=(3, 11), distilled=True)
    net = peers.randomize(net, run=run)
    return model, net, timm_vit.BACKBONE, {"run": run}


def mmseg_pspnet(peers):
    net = atrous.build(peers, "_base_/models/pspnet_r50-d8", ONE)
    options = {**atrous.TRUNK, "blocks": ONE, "align_corners": False}
    model = create_model("pspnet_resnet50", 19, **options)
    return model, net, mmseg_deeplab.MAP_PSPNET, {"run": atrous.run(peers)}


def mmseg_deeplabv3plus(peers):
    net = atrous.build(peers, "_base_/models/deeplabv3plus_r50-d8", ONE)
    options = {**atrous.TRUNK, **atrous.WIDE, "blocks": ONE, "aux": 256}
    model = create_model("deeplabv3plus_resnet50", 19, separable="full", **options)
    return model, net, mmseg_deeplab.MAP_V3PLUS, {"run": atrous.run(peers)}


def mmseg_fastfcn_enc(peers):
    _, config, rules = atrous.FASTFCN["enc"]
    options = {"stem": "c", "blocks": ONE, "align_corners": False}
    options["stage_rates"] = (1, 1, 2, 4)
    model = create_model("fastfcn_enc_resnet50", 19, variant="mmseg", **options)
    return model, atrous.build(peers, config, ONE), rules, {"run": atrous.run(peers)}


def make_mmseg_dpt(peers):
    """Four narrow layers."""
    model, net = dpt.make_mmseg(peers)
    return model, net, mmseg_dpt.MAP, {"run": dpt.run_mmseg}


def make_mmseg_danet(peers):
    net = context.tiny_resnet(context.build(peers, "danet_r50-d8"))
    run = context.danet_outputs
    options = {"variant": "release", "align_corners": False, **context.TRUNK}
    model = create_model("danet_resnet50", 19, **options)
    return model, peers.randomize(net, run=run), mmseg_danet.MAP, {"run": run}


def mmseg_ocrnet(peers):
    net = context.tiny_resnet(context.build(peers, "ocrnet_r50-d8"))
    options = {"bias": False, "align_corners": False, "region_features": 256}
    model = create_model("ocrnet_resnet101", 19, depth=50, **options, **context.TRUNK)
    rules = weights.detect(net.state_dict()).rules
    net = peers.randomize(net, run=context.whole)
    return model, net, rules, {"run": context.whole}


def make_mmseg_bisenet(peers):
    run = context.bisenet_outputs
    net = peers.randomize(context.build(peers, "bisenetv1_r18-d32"), run=run)
    model = create_model("bisenet_resnet18", 19, form="mmseg")
    return model, net, mmseg_bisenet.MAP, {"run": run}


NETWORKS = {
    "torchvision-fcn": (make_torchvision_fcn, "torchvision: fcn_resnet50"),
    "torchvision-deeplabv3": (
        make_torchvision_deeplabv3,
        "torchvision: deeplabv3_resnet50",
    ),
    "torchvision-lraspp": (
        make_torchvision_lraspp,
        "torchvision: lraspp_mobilenet_v3_large",
    ),
    "smp-unet": (make_smp_unet, "smp: Unet resnet18, narrow"),
    "smp-unetplusplus": (make_smp_unet_plus_plus, "smp: UnetPlusPlus resnet18, narrow"),
    "smp-deeplabv3plus": (smp_deeplabv3plus, "smp: DeepLabV3Plus resnet34"),
    "smp-pspnet": (smp_pspnet, "smp: PSPNet resnet34 on c3"),
    "timm-resnet18d": (timm_resnet18d, "timm: resnet18d"),
    "timm-dinov2": (make_timm_dinov2, "timm: vit_small_patch14_reg4_dinov2, narrow"),
    "timm-dinov3": (
        functools.partial(dinov3.make_narrow, size="vits16plus"),
        "timm: vit_small_plus_patch16_dinov3, narrow",
    ),
    "timm-efficientnet": (
        efficientnet.make_narrow,
        "timm: tf_efficientnet_b0, ten narrow blocks",
    ),
    "timm-vit": (make_timm_vit, "timm: deit_tiny_distilled_patch16_224"),
    "mmseg-pspnet": (mmseg_pspnet, "mmseg: PSPNet R50-D8"),
    "mmseg-deeplabv3plus": (mmseg_deeplabv3plus, "mmseg: DeepLabV3+ R50-D8"),
    "mmseg-fastfcn-enc": (mmseg_fastfcn_enc, "mmseg: FastFCN ENC R50-D32"),
    "mmseg-dpt": (make_mmseg_dpt, "mmseg: DPT, narrow"),
    "mmseg-danet": (make_mmseg_danet, "mmseg: DANet"),
    "mmseg-ocrnet": (mmseg_ocrnet, "mmseg: OCRNet R50-D8"),
    "mmseg-swin": (swin.make_mmseg_swin, "mmseg: UPerNet Swin, narrow"),
    "mmseg-bisenet": (make_mmseg_bisenet, "mmseg: BiSeNetV1 R18"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_training_mode(peers, name):
    from tests.parity import training

    make, label = NETWORKS[name]
    model, net, rules, options = make(peers)
    training.compare(model, net, rules, label=label, **options)


@pytest.mark.parametrize("scale", [1.0, 1.05])
def test_a_gradient_that_is_off_is_noticed(peers, scale):
    from tests.parity import training

    random = np.random.default_rng(0)
    want = {"conv": {"kernel": random.normal(size=(3, 3, 4, 8))}, "bias": np.ones(8)}
    got = {**want, "conv": {"kernel": scale * want["conv"]["kernel"]}}
    if scale == 1:
        assert training.gradient_gap(got, want) == 0
        return
    with pytest.raises(AssertionError, match=r"gradient of conv/kernel: 5\.0e-02"):
        training.gradient_gap(got, want)
