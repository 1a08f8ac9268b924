"""ASPP, image pooling, pyramid pooling, SPP and JPU against direct computations."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.context import (
    ASPP,
    ImagePooling,
    PyramidPooling,
    SeparableConv,
    spatial_pyramid_pooling,
)
from jaxseg.nn.jpu import JPU

PLAIN = BlockConfig(norm="none")


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@functools.partial(jax.jit, static_argnums=0)
def compiled(module, variables, *inputs):
    return module.apply(variables, *inputs, train=False)


def run(module, variables, *inputs):
    """The output of a block in evaluation as NumPy arrays, computed by one program."""
    return jax.device_get(compiled(module, variables, *inputs))


def filled(module, *inputs, seed=1):
    """Random parameters of the module, without running its initializers."""
    shapes = jax.eval_shape(
        lambda *xs: module.init(jax.random.key(0), *xs, train=False), *inputs
    )
    random = np.random.default_rng(seed)
    make = lambda leaf: random.uniform(0.1, 0.5, leaf.shape).astype(np.float32) - 0.2
    return jax.tree.map(make, shapes)


def size_of(module, *shapes):
    inputs = [
        jax.tree.map(
            lambda s: jax.ShapeDtypeStruct(s, np.float32),
            s,
            is_leaf=lambda t: isinstance(t, tuple),
        )
        for s in shapes
    ]
    tree = jax.eval_shape(
        lambda *xs: module.init(jax.random.key(0), *xs, train=False), *inputs
    )
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(tree["params"]))


@functools.partial(jax.jit, static_argnames="rate")
def direct(x, kernel, rate=1):
    pad = rate * (kernel.shape[0] - 1) // 2
    return lax.conv_general_dilated(
        x,
        kernel,
        (1, 1),
        [(pad, pad)] * 2,
        rhs_dilation=(rate, rate),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


@pytest.mark.slow
def test_aspp_is_its_branches_side_by_side():
    x, rates = draw(2, 9, 8, 3), (2, 3, 20)
    aspp = ASPP(4, rates, dropout=0.0, style=PLAIN)
    variables = filled(aspp, x)
    kernels = variables["params"]

    @jax.jit
    def by_hand(x, kernels):
        parts = [direct(x, kernels["branch0"]["conv"]["kernel"])]
        for i, rate in enumerate(rates, start=1):
            kernel = kernels[f"branch{i}"]["dense"]["conv"]["kernel"]
            parts.append(direct(x, kernel, rate))
        mean = x.mean((1, 2), keepdims=True)
        pooled = direct(mean, kernels["pool"]["conv"]["conv"]["kernel"])
        parts.append(jnp.broadcast_to(pooled, (2, 9, 8, 4)))
        joined = jax.nn.relu(jnp.concatenate(parts, -1))
        return jax.nn.relu(direct(joined, kernels["project"]["conv"]["kernel"]))

    want, got = by_hand(x, kernels), run(aspp, variables, x)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_pool_first_only_permutes_the_concatenation():
    x = draw(1, 6, 6, 3)
    last = ASPP(2, (2,), dropout=0.0, style=PLAIN)
    first = ASPP(2, (2,), dropout=0.0, pool_first=True, style=PLAIN)
    variables = filled(last, x)
    moved = jax.tree.map(np.copy, variables)
    kernel = moved["params"]["project"]["conv"]["kernel"]
    moved["params"]["project"]["conv"]["kernel"] = np.concatenate(
        [kernel[:, :, 4:], kernel[:, :, :4]], axis=2
    )
    got, want = run(first, moved, x), run(last, variables, x)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("aspp", "size"),
    [
        (ASPP(), 15_535_104),
        (ASPP(separable="full"), 3_019_776),
        (ASPP(rates=(12, 24, 36)), 15_535_104),
    ],
)
def test_aspp_sizes(aspp, size):
    assert size_of(aspp, (1, 9, 9, 2048)) == size


def test_jpu_size_and_order():
    levels = {"c3": (1, 8, 8, 512), "c4": (1, 4, 4, 1024), "c5": (1, 2, 2, 2048)}
    assert size_of(JPU(), levels) == 19_735_552


@pytest.mark.slow
def test_jpu_reads_all_levels_at_the_finest_size():
    levels = {"c3": draw(1, 9, 8, 2), "c4": draw(1, 5, 4, 3), "c5": draw(1, 3, 2, 4)}
    jpu = JPU(2, (1, 2), style=PLAIN)
    variables = filled(jpu, levels)
    got = run(jpu, variables, levels)
    assert got.shape == (1, 9, 8, 4)
    swapped = JPU(2, (1, 2), order=("c3", "c4", "c5"), style=PLAIN)
    assert np.abs(got - run(swapped, variables, levels)).max() > 1e-3
    for tap in levels:
        changed = {**levels, tap: levels[tap] + 1}
        assert np.abs(run(jpu, variables, changed) - got).max() > 1e-3


def test_image_pooling_window_of_the_map_is_global():
    x = draw(1, 6, 7, 3)
    whole = ImagePooling(4, style=PLAIN)
    variables = filled(whole, x)
    for window in ((6, 7), (50, 50)):
        windowed = ImagePooling(4, window=window, style=PLAIN)
        np.testing.assert_allclose(
            run(windowed, variables, x),
            run(whole, variables, x),
            rtol=1e-5,
            atol=1e-6,
        )


def test_image_pooling_window_sees_the_training_crop_in_a_larger_image():
    """Pooled value of a tile's own window is what the tile alone would give."""
    tile, rest = draw(1, 4, 4, 3), draw(1, 4, 8, 3, seed=5)
    wide = np.concatenate([tile, rest], axis=2)
    pool = ImagePooling(2, window=(4, 4), align_corners=True, style=PLAIN)
    variables = filled(pool, tile)
    alone = run(pool, variables, tile)
    got = run(pool, variables, wide)
    np.testing.assert_allclose(got[:, :, 0], alone[:, :, 0], rtol=1e-5, atol=1e-6)


def test_pyramid_pooling_puts_bins_behind_the_input():
    x = np.abs(draw(1, 6, 6, 2))
    block = PyramidPooling(2, (1, 6), style=PLAIN)
    variables = filled(block, x)
    eye = np.eye(2, dtype=np.float32)[None, None]
    for name in ("bin1", "bin6"):
        variables["params"][name]["conv"]["kernel"] = eye
    got = run(block, variables, x)
    np.testing.assert_allclose(got[..., :2], x)
    means = np.broadcast_to(x.mean((1, 2), keepdims=True), x.shape)
    np.testing.assert_allclose(got[..., 2:4], means, rtol=1e-5)
    np.testing.assert_allclose(got[..., 4:], x, rtol=1e-5)
    last = run(block.clone(input_first=False), variables, x)
    np.testing.assert_array_equal(last, np.roll(got, -2, axis=-1))


def test_unknown_forms_are_refused():
    x = draw(1, 4, 4, 2)
    with pytest.raises(ValueError, match="separable='half'"):
        filled(SeparableConv(2, separable="half"), x)
    with pytest.raises(ValueError, match="kind='median'"):
        spatial_pyramid_pooling(x, kind="median")


@pytest.mark.parametrize("size", [(6, 6), (13, 9)])
def test_spatial_pyramid_pooling_has_one_length(size):
    x, bins = draw(2, *size, 3), (1, 2, 4)
    pool = jax.jit(spatial_pyramid_pooling, static_argnames=("bins", "kind"))
    got = pool(x, bins=bins)
    assert got.shape == (2, 3 * (1 + 4 + 16))
    want = []
    for b in bins:
        for i in range(b):
            for j in range(b):
                rows = slice(i * size[0] // b, -(-(i + 1) * size[0] // b))
                columns = slice(j * size[1] // b, -(-(j + 1) * size[1] // b))
                want.append(x[:, rows, columns].max((1, 2)))
    np.testing.assert_allclose(got, np.concatenate(want, -1))
    mean = pool(x, bins=(1,), kind="mean")
    np.testing.assert_allclose(mean, x.mean((1, 2)), rtol=1e-5, atol=1e-6)
