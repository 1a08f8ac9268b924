"""PSPNet, DeepLab v3 and v3+ equal segmentation_models.pytorch's.

Their encoders dilate one layer too early where a stride is dropped; the reference here
has that one rate put right, all else is theirs.
"""

import pytest

from jaxseg import create_model
from jaxseg.weights.maps import smp_deeplab, smp_pspnet

BLOCKS = (1, 1, 1, 2)


def build(peers, name, encoder="resnet50", **options):
    return getattr(peers.smp, name)(encoder, encoder_weights=None, classes=5, **options)


def shorten(net, exact=()):
    """Fewer units per stage; first units of the stages `exact` at their old rate."""
    for index, count in enumerate(BLOCKS, start=1):
        stage = getattr(net.encoder, f"layer{index}")[:count]
        setattr(net.encoder, f"layer{index}", stage)
    for index, rate in exact:
        conv = getattr(net.encoder, f"layer{index}")[0].conv2
        conv.dilation = conv.padding = (rate, rate)
    return net


@pytest.mark.slow
def test_deeplabv3(peers):
    net = shorten(build(peers, "DeepLabV3", encoder_output_stride=8), ((3, 1), (4, 2)))
    options = {"rates": (12, 24, 36), "align_corners": True}
    model = create_model("deeplabv3_resnet50", 5, blocks=BLOCKS, **options)
    rules = smp_deeplab.MAP_V3
    peers.compare(
        model, peers.randomise(net), rules, label="smp: DeepLabV3 r50", sizes=SIZES
    )


SIZES = ((64, 64), (64, 96))  # smp refuses sizes that its encoder does not divide
PLUS = {
    "separable": "plain",
    "after_aspp": True,
    "fuse": 1,
    "rates": (12, 24, 36),
    "align_corners": True,
}


@pytest.mark.slow
def test_deeplabv3plus(peers):
    net = shorten(build(peers, "DeepLabV3Plus"), ((4, 1),))
    model = create_model("deeplabv3plus_resnet50", 5, blocks=BLOCKS, **PLUS)
    label, rules = "smp: DeepLabV3Plus r50", smp_deeplab.MAP_V3PLUS
    peers.compare(model, peers.randomise(net), rules, label=label, sizes=SIZES)


@pytest.mark.slow
def test_deeplabv3plus_mobilenet(peers):
    net = build(peers, "DeepLabV3Plus", "mobilenet_v2")
    depthwise = net.encoder.features[14].conv[1][0]
    depthwise.dilation = depthwise.padding = (1, 1)
    options = {**PLUS, "tap": "output", "last": 1280}
    model = create_model("deeplabv3plus_mobilenetv2", 5, **options)
    label, rules = "smp: DeepLabV3Plus mobilenet_v2", smp_deeplab.MAP_V3PLUS_MOBILENET
    peers.compare(model, peers.randomise(net), rules, label=label, sizes=SIZES[1:])


@pytest.mark.slow
def test_pspnet(peers):
    net = shorten(build(peers, "PSPNet", encoder_depth=5, upsampling=32))
    options = {
        "stem": "7x7",
        "output_stride": 32,
        "aux": False,
        "fuse_kernel": 1,
        "score_kernel": 3,
        "norm_single": False,
        "input_first": False,
    }
    model = create_model("pspnet_resnet50", 5, blocks=BLOCKS, **options)
    net = peers.randomise(net, size=(256, 256))
    peers.compare(
        model,
        net,
        smp_pspnet.MAP,
        label="smp: PSPNet r50",
        sizes=((256, 256), (192, 256)),
    )


def test_the_rate_put_right_above_matters(peers):
    """With smp's own early rate the same import is visibly off."""
    net = peers.randomise(shorten(build(peers, "DeepLabV3Plus")))
    model = create_model("deeplabv3plus_resnet50", 5, blocks=BLOCKS, **PLUS)
    with pytest.raises(AssertionError, match="> 1e-02"):
        peers.compare(model, net, smp_deeplab.MAP_V3PLUS, rtol=1e-2, sizes=SIZES[:1])
