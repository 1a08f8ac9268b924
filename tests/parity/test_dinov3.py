"""DINOv3 equals timm's under random weights."""

import pytest

from jaxseg import weights
from jaxseg.backbones.dinov3 import dinov3
from jaxseg.weights.catalog.maps import dinov3 as maps
from tests.parity.test_dinov2 import timm_maps, timm_net

NARROW = {"depth": 4, "width": 32, "heads": 2}
SIZES = ((65, 96),)
NAMES = {  # Name: (timm's name, import table).
    "vits16": ("vit_small_patch16_dinov3", maps.TIMM),
    "vits16plus": ("vit_small_plus_patch16_dinov3", maps.TIMM_GATED),
}


def make_narrow(peers, size):
    """Four layers of width 32."""
    name, rules = NAMES[size]
    net = timm_net(peers, name, img_size=64)
    model = dinov3(size, **NARROW)
    return model, peers.randomize(net, run=timm_maps), rules, {"run": timm_maps}


@pytest.mark.slow
@pytest.mark.parametrize("size", NAMES)
def test_timm(peers, size):
    model, net, rules, options = make_narrow(peers, size)
    assert weights.detect(net.state_dict()).name.startswith("DINOv3")
    label = f"timm: {NAMES[size][0]}, four narrow layers"
    peers.compare(model, net, rules, sizes=SIZES, label=label, **options)


@pytest.mark.slow
@pytest.mark.parametrize("size", NAMES)
def test_timm_in_full_width(peers, size):
    name, rules = NAMES[size]
    net = peers.timm.create_model(name, num_classes=0, dynamic_img_pad=True)
    peers.compare(
        dinov3(size),
        peers.randomize(net, run=timm_maps),
        rules,
        sizes=SIZES,
        run=timm_maps,
        label=f"timm: {name}",
    )
