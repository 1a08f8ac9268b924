"""Exact tiles: equal to the whole image, in one pass or in several, or refused."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg import analysis, create_model
from jaxseg.analysis.regions.graph import trace
from jaxseg.analysis.regions.tiling import halo, tiling
from jaxseg.data.spec import DatasetSpec
from jaxseg.inference.exact.options import ExactOptions
from jaxseg.inference.exact.tiled import TiledNetwork
from jaxseg.inference.segmenter import PredictOptions, Segmenter
from jaxseg.inference.windows.inputs import ArrayPixels
from jaxseg.ops.conv import conv
from jaxseg.ops.pool import adaptive_avg_pool, avg_pool, max_pool
from jaxseg.ops.rescale import rescale
from jaxseg.ops.resize import resize
from jaxseg.ops.shuffle import depth_to_space
from jaxseg.ops.transposed import conv_transpose
from tests.conftest import fill_variables

SIZE = (37, 29)
LOOSE = {"max_passes": 99, "max_halo": 9999}


def in_tiles(network, variables, image, **options):
    """Returns the logits of an image that a network computes in tiles."""
    limits = ExactOptions(**{**LOOSE, **options})
    tiled = TiledNetwork(network, variables, image.shape, image.dtype, options=limits)
    read = lambda y, x, h, w: image[:, y : y + h, x : x + w]
    strips = list(tiled.strips(read, lambda logits: (logits,)))
    return np.concatenate([strip.parts[0] for strip in strips])[None], tiled


def difference(found, expected):
    return np.max(np.abs(found - expected)) / np.max(np.abs(expected))


def kernel(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def strided(x, impl):
    x = conv(x, kernel((3, 3, 2, 4)), stride=2, padding=1, impl=impl)
    x = conv(x, kernel((3, 3, 4, 4)), rate=3, padding=3, impl=impl)
    up = {"stride": 2, "padding": 1, "output_padding": 1, "impl": impl}
    return conv_transpose(x, kernel((3, 3, 4, 2)), **up)


def pooled(x, impl):
    y = max_pool(x, window=3, stride=2, padding=1, ceil=True, impl=impl)
    z = avg_pool(y, window=2, stride=2, ceil=True)
    y = resize(z, y.shape[1:3], align_corners=True) * y
    return resize(y, x.shape[1:3], align_corners=True)


def mirrored(x, impl):
    wide = jnp.pad(x, ((0, 0), (4, 5), (3, 2), (0, 0)), mode="reflect")
    wide = jnp.flip(conv(wide, kernel((3, 3, 2, 2)), impl=impl), 1)
    wide = jnp.flip(wide, 1)[:, 3:-4, 2:-1]
    edged = jnp.pad(x, ((0, 0), (1, 1), (2, 2), (0, 0)), mode="edge")
    return wide + edged[:, 2:, 1:-3]


def rearranged(x, impl):
    y = conv(x, kernel((1, 1, 2, 8)), impl=impl)
    y = depth_to_space(y, (2, 2))[:, 1 : 1 + x.shape[1], :, :][:, :, ::2]
    grouped = conv(x, kernel((3, 3, 1, 4)), padding=1, groups=2, impl=impl)
    z = rescale(grouped, 0.75)
    z = resize(z, x.shape[1:3], method="nearest")
    return jnp.concatenate([y, z], -1) @ kernel((6, 3))


def wide_rates(x, impl):
    """More than a third of the positions of the atrous kernel are outside."""
    return conv(x, kernel((3, 3, 2, 3)), rate=17, padding=17, impl=impl)


@pytest.mark.slow
@pytest.mark.parametrize("impl", ["auto", "lax"])
@pytest.mark.parametrize(
    "function", [strided, pooled, mirrored, rearranged, wide_rates]
)
def test_operators(function, impl):
    image = kernel((1, *SIZE, 2), seed=1)
    network = lambda _, x: function(x, impl)[:, : x.shape[1], : x.shape[2]]
    expected = jax.jit(network)(None, image)
    found, tiled = in_tiles(network, None, image, tile=(10, 8))
    assert tiled.grid.counts == (4, 4)
    assert found.shape == expected.shape
    assert difference(found, expected) < 1e-6


def whole_image(x):
    """Mean, variance, maximum, pyramid pooling, and a softmax over all pixels."""
    mean = x.mean((1, 2), keepdims=True)
    scaled = (x - mean) / jnp.sqrt(jnp.square(x - mean).mean((1, 2), keepdims=True))
    peak = jnp.tanh(scaled).max((1, 2), keepdims=True)
    bins = jnp.exp(adaptive_avg_pool(scaled * peak, (3, 2)) * 0.1)
    y = scaled + resize(bins, x.shape[1:3])
    flat = y.reshape(1, -1, y.shape[-1])
    weights = jax.nn.softmax(flat @ kernel((2, 5)), axis=1)
    regions = jnp.einsum("bnk,bnc->bkc", weights, flat)
    return y @ kernel((2, 3)) + (flat @ regions[0].T)[..., :3].reshape(*y.shape[:3], 3)


@pytest.mark.slow
def test_global_operations_in_several_passes():
    image = kernel((1, *SIZE, 2), seed=1)
    expected = jax.jit(whole_image)(image)
    network = lambda _, x: whole_image(x)
    found, tiled = in_tiles(network, None, image, tile=(10, 8))
    assert tiled.passes == 8
    assert difference(found, expected) < 1e-5


@functools.cache
def small_unet():
    model = create_model("unet", num_classes=3, width=4, depth=2)
    return model, fill_variables(model, (1, 32, 32, 3))


def logits_of(model):
    return lambda variables, x: model.apply(variables, x, train=False)["logits"]


def test_a_network_at_an_odd_size():
    model, variables = small_unet()
    image = kernel((1, 101, 131, 3), seed=1)
    expected = jax.jit(logits_of(model))(variables, image)
    found, tiled = in_tiles(logits_of(model), variables, image, window=(80, 96))
    assert difference(found, expected) < 1e-5
    cost = tiled.cost
    assert (cost.tile, cost.window, cost.tiles) == ((56, 48), (79, 95), 6)
    assert cost.halo == 22 and cost.passes == 1
    assert 1.5 < cost.arithmetic < cost.pixels < 4


@pytest.mark.slow
def test_the_halo_is_that_of_the_dependence():
    """The analysis by masks of single rows, which this one does not use, agrees."""
    model, variables = small_unet()
    image = jax.ShapeDtypeStruct((1, 192, 192, 3), jnp.float32)
    leaves, tree = jax.tree.flatten(variables)
    run = lambda x, *rest: logits_of(model)(jax.tree.unflatten(tree, rest), x)
    rows = analysis.reach(run, image, *leaves).rows.mask[64:96]
    read = np.flatnonzero(rows.any(0))
    assert halo(trace(run, image, *leaves)) == max(64 - read[0], read[-1] - 95)


def test_repeated_borders_are_read_only_where_they_are_needed():
    def network(_, x):
        return jnp.pad(x, ((0, 0), (1, 2), (2, 1), (0, 0)), mode="edge")[:, 2:-1, 1:-2]

    image = kernel((1, 90, 70, 2), seed=1)
    found, tiled = in_tiles(network, None, image, tile=(20, 20))
    np.testing.assert_array_equal(found, network(None, image))
    assert [span.length for span in tiled.programs[0].read] == [20, 20]


@pytest.mark.slow
def test_a_network_in_two_passes():
    options = {"width": 4, "blocks": (1, 1, 1, 1)}
    model = create_model(
        "deeplabv3plus", 3, backbone="resnet18_mmseg", backbone_options=options
    )
    image = kernel((1, 75, 99, 3), seed=1)
    variables = fill_variables(model, image.shape)
    with pytest.raises(
        ValueError, match=r"at least 2.*a sum or mean over.*head/aspp/pool"
    ):
        in_tiles(logits_of(model), variables, image, max_passes=1)
    expected = jax.jit(logits_of(model))(variables, image)
    found, tiled = in_tiles(logits_of(model), variables, image, tile=(40, 40))
    assert tiled.passes == 2
    assert difference(found, expected) < 1e-5


@pytest.mark.slow
def test_attention_is_refused():
    options = {"width": 4, "blocks": (1, 1, 1, 1)}
    model = create_model(
        "danet", 3, backbone="resnet18_mmseg", backbone_options=options
    )
    image = jax.ShapeDtypeStruct((1, 64, 64, 3), jnp.float32)
    variables = fill_variables(model, image.shape)
    with pytest.raises(ValueError, match=r"position_attention.*mode='slide'"):
        in_tiles(logits_of(model), variables, image)
    leaves, tree = jax.tree.flatten(variables)
    run = lambda x, *rest: logits_of(model)(jax.tree.unflatten(tree, rest), x)
    assert tiling(trace(run, image, *leaves)).kind == "approximate"


def test_the_halo_is_limited():
    model, variables = small_unet()
    image = jax.ShapeDtypeStruct((1, 192, 192, 3), jnp.float32)
    with pytest.raises(ValueError, match=r"max_halo=21 is invalid.*at least 22 pixels"):
        in_tiles(logits_of(model), variables, image, max_halo=21, window=(96, 96))
    small = jax.ShapeDtypeStruct((1, 48, 72, 3), jnp.float32)
    # The image limits what its tiles read, but not the halo of the network.
    for window, tiles in (((48, 64), 2), ((48, 72), 1)):
        limits = ExactOptions(max_halo=22, window=window)
        tiled = TiledNetwork(
            logits_of(model), variables, small.shape, small.dtype, options=limits
        )
        assert (tiled.halo, tiled.cost.tiles) == (22, tiles)
    with pytest.raises(ValueError, match=r"window=\(40, 40\).*at least \(44, 44\)"):
        in_tiles(logits_of(model), variables, image, window=(40, 40))


@pytest.mark.slow
def test_a_segmenter_with_the_scale_of_evaluation():
    model, variables = small_unet()
    spec = DatasetSpec("three", ("a", "b", "c"), ((0, 0, 0), (255, 0, 0), (0, 0, 255)))
    image = np.random.default_rng(2).integers(0, 256, (90, 121, 3), np.uint8)
    options = (
        PredictOptions(multiple=32),
        PredictOptions("exact", (96, 96), multiple=32),
    )
    segmenters = [
        Segmenter(model, variables, spec, scale=0.8, options=o) for o in options
    ]
    whole, tiles = (segmenter.predict(image) for segmenter in segmenters)
    np.testing.assert_allclose(whole.probabilities, tiles.probabilities, atol=1e-5)
    assert np.mean(whole.labels != tiles.labels) < 1e-3
    rows = list(segmenters[1].exact.rows(ArrayPixels(image), start=40))
    assert rows[0].first == 40
    found = np.concatenate([part.values for part in rows])
    np.testing.assert_array_equal(found, tiles.labels[40:])
    with pytest.raises(ValueError, match="flip=True is invalid with mode='exact'"):
        options = PredictOptions("exact", flip=True)
        Segmenter(model, variables, spec, options=options)
