"""Options of the decoders of segmentation_models.pytorch, each on a ResNet-18."""

import pytest

from jaxseg.models.deeplabv3plus import deeplabv3plus_resnet
from jaxseg.models.pspnet import pspnet_resnet
from jaxseg.models.unet_plus_plus import unet_plus_plus_resnet
from jaxseg.models.unet_resnet import unet_resnet
from jaxseg.weights.catalog.maps import smp_deeplab, smp_pspnet, smp_unet

pytestmark = pytest.mark.slow
CHANNELS = (64, 48, 32, 32, 16)
# Without affine=True, smp's own initialization of the decoder fails.
INSTANCE = {"type": "instancenorm", "affine": True}
PRESENCE = {"classes": 7, "pooling": "max", "dropout": 0.5}
PSP = {
    **{"stem": "7x7", "output_stride": 32, "aux": False, "fuse_kernel": 1},
    **{"score_kernel": 3, "norm_single": False, "input_first": False},
    **{"fuse_features": 64, "dropout": 0.2},
}
PLUS = {
    **{"eager_rate": True, "align_corners": True, "separable": "plain"},
    **{"after_aspp": True, "fuse": 1, "dropout": 0.5, "features": 32},
}


def outputs(net, x):
    """The outputs of a network with a classification head, by jaxseg's names."""
    found = net(x)
    if not isinstance(found, tuple):
        return {"logits": found}
    return {"logits": found[0], "extra_presence": found[1]}


def compare(peers, net, model, rules, label, **options):
    """Compares all outputs, of an odd height too unless `sizes` says otherwise."""
    net = peers.randomize(net, run=outputs)
    peers.compare(model, net, rules, run=outputs, label=label, **options)


UNETS = {
    "scse": ({"attention": "scse"}, {"decoder_attention_type": "scse"}),
    "depth 4": ({"features": CHANNELS[:4]}, {"encoder_depth": 4}),
    "depth 3": ({"features": CHANNELS[:3]}, {"encoder_depth": 3}),
    "identity": ({"decoder_norm": "none"}, {"decoder_use_norm": "identity"}),
    "instance": ({"decoder_norm": "instance"}, {"decoder_use_norm": INSTANCE}),
    "aux_params": (
        {"presence": 7, "presence_pool": "max", "presence_dropout": 0.5},
        {"aux_params": PRESENCE},
    ),
}


@pytest.mark.parametrize("option", UNETS)
def test_unet(peers, option):
    ours, theirs = UNETS[option]
    model = unet_resnet(5, depth=18, **{"features": CHANNELS, **ours})
    channels = model.head.features
    net = peers.smp.Unet(
        "resnet18",
        encoder_weights=None,
        classes=5,
        decoder_channels=channels,
        **theirs,
    )
    compare(peers, net, model, smp_unet.MAP, f"smp: Unet resnet18, {option}")


@pytest.mark.parametrize("option", [None, *UNETS])
def test_unet_plus_plus(peers, option):
    """smp's Unet++ refuses odd sizes, so both sizes are multiples of 32."""
    ours, theirs = UNETS.get(option, ({}, {}))
    model = unet_plus_plus_resnet(5, depth=18, **{"features": CHANNELS, **ours})
    net = peers.smp.UnetPlusPlus(
        "resnet18",
        encoder_weights=None,
        classes=5,
        decoder_channels=model.head.features,
        **theirs,
    )
    label = f"smp: UnetPlusPlus resnet18{f', {option}' if option else ''}"
    sizes = ((64, 64), (64, 96))
    compare(peers, net, model, smp_unet.MAP_PLUS_PLUS, label, sizes=sizes)


PSPS = {
    "depth 4": ({"tap": "c4", "features": 64}, {"encoder_depth": 4, "upsampling": 16}),
    "identity": ({"decoder_norm": "none"}, {"decoder_use_norm": "identity"}),
    "instance": ({"decoder_norm": "instance"}, {"decoder_use_norm": INSTANCE}),
    "aux_params": (
        {"presence": 7, "presence_pool": "max", "presence_dropout": 0.5},
        {"aux_params": PRESENCE},
    ),
}


@pytest.mark.parametrize("option", PSPS)
def test_pspnet(peers, option):
    ours, theirs = PSPS[option]
    model = pspnet_resnet(5, depth=18, **{**PSP, "tap": "c3", "features": 32, **ours})
    net = peers.smp.PSPNet(
        "resnet18", encoder_weights=None, classes=5, psp_out_channels=64, **theirs
    )
    label = f"smp: PSPNet resnet18, {option}"
    sizes = ((64, 64), (64, 96))
    compare(peers, net, model, smp_pspnet.MAP, label, sizes=sizes)


PLUSES = {
    "depth 4": ({"tap": "c4"}, {"encoder_depth": 4}),
    "depth 3": ({"tap": "c3", "output_stride": 8}, {"encoder_depth": 3}),
    "dense ASPP": ({"separable_aspp": "none"}, {"decoder_aspp_separable": False}),
    "aux_params": (
        {"presence": 7, "presence_pool": "max", "presence_dropout": 0.5},
        {"aux_params": PRESENCE},
    ),
}


@pytest.mark.parametrize("option", PLUSES)
def test_deeplabv3plus(peers, option):
    ours, theirs = PLUSES[option]
    stride = ours.get("output_stride", 16)
    rates = (2, 4, 6)
    model = deeplabv3plus_resnet(5, depth=18, **{**PLUS, "rates": rates, **ours})
    net = peers.smp.DeepLabV3Plus(
        "resnet18",
        encoder_weights=None,
        encoder_output_stride=stride,
        classes=5,
        decoder_channels=32,
        decoder_atrous_rates=rates,
        **theirs,
    )
    label = f"smp: DeepLabV3Plus resnet18, {option}"
    sizes = ((64, 64), (64, 96))
    dense = option == "dense ASPP"
    rules = smp_deeplab.MAP_V3PLUS_DENSE if dense else smp_deeplab.MAP_V3PLUS
    compare(peers, net, model, rules, label, sizes=sizes)
