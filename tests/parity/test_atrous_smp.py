"""PSPNet, DeepLab v3 and v3+ equal segmentation_models.pytorch's, as they are.

Their encoders dilate one layer early where a stride is dropped: ``eager_rate``.
"""

import pytest

from jaxseg import create_model, weights
from jaxseg.weights.catalog.maps import smp_deeplab

BLOCKS = (1, 1, 1, 2)


def build(peers, name, encoder="resnet50", **options):
    return getattr(peers.smp, name)(encoder, encoder_weights=None, classes=5, **options)


def shorten(net):
    """Fewer units per stage."""
    for index, count in enumerate(BLOCKS, start=1):
        stage = getattr(net.encoder, f"layer{index}")[:count]
        setattr(net.encoder, f"layer{index}", stage)
    return net


SIZES = ((64, 96),)  # smp refuses sizes that its encoder does not divide
V3 = {"eager_rate": True, "rates": (12, 24, 36), "align_corners": True}
PLUS = {**V3, "separable": "plain", "after_aspp": True, "fuse": 1}


@pytest.mark.slow
@pytest.mark.parametrize("stride", [8, 16])
def test_deeplabv3(peers, stride):
    net = shorten(build(peers, "DeepLabV3", encoder_output_stride=stride))
    options = {**V3, "output_stride": stride}
    model = create_model("deeplabv3_resnet50", 5, blocks=BLOCKS, **options)
    rules, label = smp_deeplab.MAP_V3, f"smp: DeepLabV3 resnet50 /{stride}"
    peers.compare(model, peers.randomize(net), rules, label=label, sizes=SIZES)


@pytest.mark.slow
@pytest.mark.parametrize("depth", [34, 50])
def test_deeplabv3plus(peers, depth):
    net = shorten(build(peers, "DeepLabV3Plus", f"resnet{depth}"))
    options = {**PLUS, "depth": depth, "blocks": BLOCKS}
    model = create_model("deeplabv3plus_resnet50", 5, **options)
    label, rules = f"smp: DeepLabV3Plus resnet{depth}", smp_deeplab.MAP_V3PLUS
    peers.compare(model, peers.randomize(net), rules, label=label, sizes=SIZES)


@pytest.mark.slow
def test_deeplabv3plus_mobilenet(peers):
    net = build(peers, "DeepLabV3Plus", "mobilenet_v2")
    options = {**PLUS, "tap": "output", "last": 1280}
    model = create_model("deeplabv3plus_mobilenetv2", 5, **options)
    label, rules = "smp: DeepLabV3Plus mobilenet_v2", smp_deeplab.MAP_V3PLUS_MOBILENET
    peers.compare(model, peers.randomize(net), rules, label=label, sizes=SIZES)


@pytest.mark.slow
@pytest.mark.parametrize(("depth", "level"), [(34, 3), (50, 3), (50, 5)])
def test_pspnet(peers, depth, level):
    """With the default ``encoder_depth=3`` it reads c3."""
    options = {"encoder_depth": level, "upsampling": 2**level}
    net = shorten(build(peers, "PSPNet", f"resnet{depth}", **options))
    name = f"pspnet_resnet{depth}" if depth == 50 else "pspnet_resnet50"
    source = weights.detect(net.state_dict())
    network = source.network(name, {} if depth == 50 else {"depth": depth})
    options = network.options_for(peers.state_dict(net))
    assert options["tap"] == f"c{level}"
    model = create_model(network.name, 5, blocks=BLOCKS, **options)
    net = peers.randomize(net, size=(256, 256))
    label = f"smp: PSPNet resnet{depth} on c{level}"
    sizes = ((256, 256), (192, 256))
    peers.compare(model, net, source.rules, label=label, sizes=sizes)


def test_the_early_rate_matters(peers):
    """Without it the same import is visibly off."""
    net = peers.randomize(shorten(build(peers, "DeepLabV3Plus")))
    options = {**PLUS, "eager_rate": False}
    model = create_model("deeplabv3plus_resnet50", 5, blocks=BLOCKS, **options)
    with pytest.raises(AssertionError, match="> 1e-02"):
        peers.compare(model, net, smp_deeplab.MAP_V3PLUS, rtol=1e-2, sizes=SIZES)
