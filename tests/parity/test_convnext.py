"""ConvNeXt equals timm's and torchvision's under random weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg import weights
from jaxseg.analysis.jaxpr.cost import count_parameters
from jaxseg.backbones.catalog import BACKBONES
from jaxseg.backbones.convnext import ConvNeXt
from jaxseg.weights.catalog.maps import timm_convnext, torchvision_convnext

LEVELS = ("c2", "c3", "c4", "c5")
WIDTHS, BLOCKS = (8, 16, 24, 32), (1, 1, 2, 1)
NAMES = {"t": "tiny", "s": "small", "b": "base", "l": "large"}
SIZES = ((64, 96), (101, 75))


def timm_maps(net, x):
    maps = net.forward_intermediates(x, intermediates_only=True)
    return dict(zip(LEVELS, maps, strict=True))


def torchvision_maps(net, x):
    outputs = {}
    for index, layer in enumerate(net.features):
        x = layer(x)
        if index % 2:
            outputs[LEVELS[index // 2]] = x
    return outputs


def make_timm_convnext(peers, output_stride=32):
    """Four narrow stages of timm's network; the blocks have scales of about 1."""
    net = peers.timm.create_model(
        "convnext_tiny", dims=WIDTHS, depths=BLOCKS, output_stride=output_stride
    )
    model = ConvNeXt(WIDTHS, BLOCKS, output_stride, output_norms=False)
    net = peers.randomize(net, run=timm_maps)
    return model, net, timm_convnext.BACKBONE, {"run": timm_maps}


@pytest.mark.slow
@pytest.mark.parametrize("output_stride", [32, 16])
def test_timm(peers, output_stride):
    model, net, rules, options = make_timm_convnext(peers, output_stride)
    label = f"timm: convnext_tiny /{output_stride}, narrow"
    peers.compare(model, net, rules, sizes=SIZES, label=label, **options)


@pytest.mark.slow
def test_timm_at_output_stride_8(peers):
    """The maps are equal up to c4. The last 2x2 convolution of timm reads other pixels."""
    model, net, rules, options = make_timm_convnext(peers, 8)
    options |= {"names": LEVELS[:3], "sizes": SIZES}
    peers.compare(model, net, rules, label="timm: convnext_tiny /8, narrow", **options)


@pytest.mark.slow
def test_output_norms_that_a_classifier_lacks_start_as_new(peers):
    net = make_timm_convnext(peers)[1]
    model = ConvNeXt(WIDTHS, BLOCKS)
    params = weights.load(peers.state_dict(net), model)["params"]
    for stage, width in enumerate(WIDTHS):
        norm = params[f"stage{stage}_norm"]
        assert norm["scale"].tolist() == [1] * width
        assert norm["bias"].tolist() == [0] * width
    want = net.stages[2].blocks[1].gamma.detach().numpy()
    assert np.array_equal(params["stage2_block1"]["scale"], want)


@pytest.mark.slow
def test_torchvision(peers):
    convnext = peers.torchvision.models.convnext
    ends = (*WIDTHS[1:], None)
    settings = [
        convnext.CNBlockConfig(width, end, count)
        for width, end, count in zip(WIDTHS, ends, BLOCKS, strict=True)
    ]
    net = peers.randomize(convnext.ConvNeXt(settings), run=torchvision_maps)
    model = ConvNeXt(WIDTHS, BLOCKS, output_norms=False)
    peers.compare(
        model,
        net,
        torchvision_convnext.BACKBONE,
        sizes=SIZES,
        run=torchvision_maps,
        label="torchvision: ConvNeXt, narrow",
    )


@pytest.mark.slow
@pytest.mark.parametrize("size", NAMES)
def test_parameters_of_published_sizes(peers, size):
    """Those of timm's classifier, without its head and with our output norms."""
    import torch

    with torch.device("meta"):
        net = peers.timm.create_model(f"convnext_{NAMES[size]}")
    want = sum(
        p.numel() for name, p in net.named_parameters() if not name.startswith("head.")
    )
    record = BACKBONES[f"convnext_{size}"]
    image = jax.ShapeDtypeStruct((1, 64, 64, 3), jnp.float32)

    def count(**options):
        module = record.create(**options)
        shapes = jax.eval_shape(module.init, jax.random.key(0), image)
        return count_parameters(shapes["params"])

    assert count(output_norms=False) == want
    widths = record.create().channels
    assert count() == want + 2 * sum(widths)
