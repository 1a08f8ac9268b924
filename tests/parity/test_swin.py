"""Swin equals MMSegmentation's, timm's and torchvision's under random weights."""

import jax
import jax.numpy as jnp
import pytest

from jaxseg import create_model, weights
from jaxseg.analysis.jaxpr.cost import count_parameters
from jaxseg.backbones.catalog import BACKBONES
from jaxseg.backbones.swin import Swin
from jaxseg.weights.catalog.maps import timm_swin, torchvision_swin
from tests.parity.test_context import whole
from tests.parity.test_upernet import build

LEVELS = ("c2", "c3", "c4", "c5")
BLOCKS, HEADS = (2, 2, 2, 2), (1, 2, 4, 8)
NARROW = {"width": 8, "blocks": BLOCKS, "heads": HEADS}
# Networks of timm and torchvision: their maps have no norms, and no needless shifts.
PLAIN = {**NARROW, "window": 4, "output_norms": False, "shift_always": False}
NAMES = {"t": "tiny", "s": "small", "b": "base"}


def make_mmseg_swin(peers):
    fields = {"embed_dims": 8, "depths": BLOCKS, "num_heads": HEADS}
    fields["drop_path_rate"] = 0.0
    net = build(peers, "upernet_swin", (8, 16, 32, 64), **fields)
    net = peers.randomize(net, run=whole)
    model = create_model("upernet_swin_t", 19, features=16, **NARROW)
    return model, net, weights.detect(net.state_dict()).rules, {"run": whole}


@pytest.mark.slow
def test_mmseg(peers):
    """Even and odd sizes are padded to the patch, to pairs of pixels and to windows."""
    model, net, rules, options = make_mmseg_swin(peers)
    peers.compare(
        model,
        net,
        rules,
        sizes=((64, 96), (65, 97)),
        label="mmsegmentation: UPerNet Swin, narrow",
        **options,
    )


def timm_maps(net, x):
    maps = net.forward_intermediates(x, intermediates_only=True)
    return dict(zip(LEVELS, maps, strict=True))


@pytest.mark.slow
def test_timm(peers):
    """Its network is built for one size. It rolls a map before the padding to windows,
    so that only maps of whole windows give equal results.
    """
    size = (128, 256)
    net = peers.timm.create_model(
        "swin_tiny_patch4_window7_224",
        img_size=size,
        window_size=4,
        embed_dim=8,
        depths=BLOCKS,
        num_heads=HEADS,
    )
    peers.compare(
        Swin(**PLAIN),
        peers.randomize(net, run=timm_maps, size=size),
        timm_swin.BACKBONE,
        sizes=[size],
        run=timm_maps,
        label="timm: swin_tiny, narrow",
    )


def torchvision_maps(net, x):
    outputs = {}
    for index, layer in enumerate(net.features):
        x = layer(x)
        if index % 2:
            outputs[LEVELS[index // 2]] = x.permute(0, 3, 1, 2)
    return outputs


@pytest.mark.slow
def test_torchvision(peers):
    """It cuts the rest of a patch off, so that only multiples of 4 are equal."""
    net = peers.torchvision.models.SwinTransformer(
        patch_size=[4, 4],
        embed_dim=8,
        depths=list(BLOCKS),
        num_heads=list(HEADS),
        window_size=[4, 4],
    )
    peers.compare(
        Swin(**PLAIN),
        peers.randomize(net, run=torchvision_maps),
        torchvision_swin.BACKBONE,
        sizes=((132, 100),),
        run=torchvision_maps,
        label="torchvision: Swin, narrow",
    )


@pytest.mark.slow
def test_files_of_the_authors(peers):
    """The authors number the mergings from 0, timm from 1; the result is the same."""
    name = "swin_tiny_patch4_window7_224"
    net = peers.timm.create_model(name, embed_dim=8, depths=BLOCKS, num_heads=HEADS)
    state = peers.state_dict(net)
    renamed = {
        key.replace(f"layers.{i + 1}.down", f"layers.{i}.down"): value
        for key, value in state.items()
        for i in [int(key.split(".")[1]) - 1 if ".downsample." in key else 9]
    }
    model = Swin(**NARROW)
    ours, theirs = (weights.load(tree, model) for tree in (state, renamed))
    assert weights.detect(renamed) is not weights.detect(state)
    equal = jax.tree.map(lambda a, b: (a == b).all(), ours, theirs)
    assert all(jax.tree.leaves(equal))


@pytest.mark.slow
@pytest.mark.parametrize("size", NAMES)
def test_parameters_of_published_sizes(peers, size):
    """Those of timm's classifier, with one norm for each level."""
    name = f"swin_{NAMES[size]}_patch4_window7_224"
    net = peers.timm.create_model(name, num_classes=0)
    record = BACKBONES[f"swin_{size}"]
    image = jax.ShapeDtypeStruct((1, 64, 64, 3), jnp.float32)
    shapes = jax.eval_shape(record.create().init, jax.random.key(0), image)
    width = record.create().width
    want = sum(p.numel() for p in net.parameters()) + 2 * 7 * width
    assert count_parameters(shapes["params"]) == want
