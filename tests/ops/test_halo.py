"""Operators on shared rows that do not divide evenly, on maps smaller than the kernel,
and on distant rows: as on one device, and no map is gathered.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from jaxseg.analysis.hlo.collective import collectives
from jaxseg.ops.attention import attend_maps
from jaxseg.ops.conv import conv
from jaxseg.ops.pool import adaptive_avg_pool, avg_pool, max_pool
from jaxseg.ops.resize import resize
from jaxseg.ops.shuffle import depth_to_space, space_to_depth
from jaxseg.ops.spatial import layout as shard
from jaxseg.ops.spatial.halo import rows_between
from jaxseg.ops.tokens import TokenGrid
from jaxseg.ops.transposed import conv_transpose
from jaxseg.ops.unpool import nearest
from jaxseg.ops.windows import divide, join
from jaxseg.training.devices.mesh import make_mesh, within_mesh

CHANNELS = 4


def kernel(size, groups=1):
    shape = (size, size, CHANNELS // groups, CHANNELS)
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


TILES = (2, 2)


def cells(x):
    """Pyramid pooling: a few means, enlarged to the size of the map."""
    return resize(adaptive_avg_pool(x, (6, 2)), x.shape[1:3], align_corners=True)


def blocks(x):
    """Pixels become blocks of pixels, and blocks become pixels."""
    return space_to_depth(nearest(depth_to_space(x, 2), (2, 4)), 2)


def windows(x):
    """Neighbors within windows of 3 x 3 pixels are mixed."""
    mixed = jnp.cumsum(divide(x, 3), axis=3)
    return join(mixed, 3, x.shape[1:3])


def transformer(x):
    """Attention between pixels and a token that belongs to no pixel."""
    grid = TokenGrid(x.shape[1:3], own=1)
    tokens = grid.join(x.mean((1, 2))[:, None], x)[:, :, None]
    y = grid.attend(tokens, tokens, tokens, scale=0.7, impl="plain")[:, :, 0]
    return grid.pixels(y) * grid.others(y)[:, :, None]


def attention(x):
    """From each pixel to all pixels, and to the fewer pixels of a reduced map."""
    near = attend_maps(x, x, x[..., ::-1], heads=2, scale=0.7)
    few = avg_pool(x, window=2)
    return near + attend_maps(x, few, few, scale=0.5)


# operator, kernel or (), size of the map, devices that share it
CASES = {
    "2 rows under 3x3": (partial(conv, padding=1), kernel(3), (2, 3), 2),
    "1 row for 2 devices": (partial(conv, padding=1), kernel(3), (1, 4), TILES),
    "fewer rows than devices": (partial(conv, padding=1), kernel(3), (3, 4), 4),
    "uneven 5x5": (partial(conv, padding=2), kernel(5), (11, 4), TILES),
    "uneven strided": (partial(conv, stride=2, padding=1), kernel(3), (13, 7), 4),
    "uneven 1x1 strided": (partial(conv, stride=2), kernel(1), (13, 8), TILES),
    "uneven 2x2 strided": (partial(conv, stride=2), kernel(2), (3, 5), TILES),
    "uneven result": (partial(conv, rate=2, padding=1), kernel(3), (12, 8), TILES),
    "uneven atrous": (partial(conv, rate=2, padding=4), kernel(5), (5, 8), TILES),
    "beyond the next device": (partial(conv, rate=6, padding=6), kernel(3), (10, 3), 4),
    "uneven depthwise": (
        partial(conv, rate=2, padding=2, groups=CHANNELS),
        kernel(3, CHANNELS),
        (7, 9),
        TILES,
    ),
    "uneven groups, lax": (
        partial(conv, padding=1, groups=2, impl="lax"),
        kernel(3, 2),
        (14, 3),
        4,
    ),
    "idle taps": (partial(conv, rate=9, padding=9), kernel(3), (7, 6), TILES),
    "overlapping maxima": (partial(max_pool, window=3, stride=1, padding=1), (), 12, 4),
    "overlapping maxima, tiles": (
        partial(max_pool, window=2, stride=1),
        (),
        (11, 9),
        TILES,
    ),
    "maxima, partial windows": (
        partial(max_pool, window=3, stride=2, ceil=True),
        (),
        (14, 6),
        4,
    ),
    "means": (
        partial(avg_pool, window=3, stride=2, padding=1, count_include_pad=False),
        (),
        (13, 7),
        TILES,
    ),
    "distant rows, uneven": (
        partial(conv, rate=7, stride=2, padding=7, groups=2),
        kernel(3, 2),
        (22, 5),
        4,
    ),
    "distant rows and columns": (
        partial(conv, rate=6, padding=6),
        kernel(3),
        (9, 10),
        TILES,
    ),
    "enlarged": (partial(resize, size=(29, 23)), (), (13, 9), TILES),
    "shrunk": (partial(resize, size=(3, 5), antialias=True), (), (13, 9), 4),
    "few rows enlarged": (partial(resize, size=(18, 40)), (), (2, 41), 4),
    "nearest": (partial(resize, size=(11, 9), method="nearest"), (), (27, 9), 4),
    "cells": (cells, (), (13, 9), TILES),
    "blocks": (blocks, (), (7, 5), TILES),
    "windows": (windows, (), (9, 15), TILES),
    "tokens": (transformer, (), (9, 11), TILES),
    "attention": (attention, (), (9, 11), 4),
    "attention, tiles": (attention, (), (9, 11), TILES),
    "transposed": (
        partial(conv_transpose, stride=2, padding=1),
        kernel(4),
        (2, 2),
        4,
    ),
    "transposed uneven": (
        partial(conv_transpose, stride=4, padding=2),
        kernel(8),
        (11, 5),
        TILES,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_value_and_gradients_are_those_of_one_device(name):
    function, weights, size, space = CASES[name]
    size = size if isinstance(size, tuple) else (size, 6)
    random = np.random.default_rng(0)
    inputs = [random.normal(size=(2, *size, CHANNELS)).astype(np.float32)]
    inputs += [] if isinstance(weights, tuple) else [weights]
    share = jax.eval_shape(function, *inputs)
    share = random.normal(size=share.shape).astype(np.float32)

    def run(share, x, *weights):
        def loss(x, *weights):
            y = function(shard.split_rows(jnp.tanh(x)), *weights)
            return jnp.sum(jnp.tanh(y) * share), y

        (_, y), gradients = jax.value_and_grad(
            loss, tuple(range(len(inputs))), has_aux=True
        )(x, *weights)
        return y, *gradients

    mesh = make_mesh(2, space)
    split = partial(jax.device_put, device=NamedSharding(mesh, P("batch")))
    inputs[0], share = split(inputs[0]), split(share)
    program = jax.jit(within_mesh(run, mesh)).lower(share, *inputs).compile()
    expected = jax.jit(run)(np.asarray(share), *map(np.asarray, inputs))
    for got, want in zip(program(share, *inputs), expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("low", "high", "fill"),
    [(-1, 2, 0.0), (0, 4, -np.inf), (-3, 7, 0.0), (3, 4, 0.0), (-9, -1, -np.inf)],
)
def test_rows_of_other_devices(low, high, fill):
    mesh, x = make_mesh(2, 4), np.arange(1, 17, dtype=np.float32).reshape(2, 8, 1, 1)

    def run(x):
        local = partial(
            rows_between, axis=1, name="space", low=low, high=high, fill=fill
        )
        lies = shard.tiles(x)
        return shard.per_device(local, lies, lies)(x)

    got = jax.jit(within_mesh(run, mesh))(jax.device_put(x, NamedSharding(mesh, P())))
    wide = np.pad(x, ((0, 0), (9, 9), (0, 0), (0, 0)), constant_values=fill)
    want = [wide[:, 9 + start + low : 9 + start + high] for start in range(0, 8, 2)]
    np.testing.assert_array_equal(got, np.concatenate(want, 1))


def test_uneven_maps_are_not_gathered():
    """20, 10 and 5 rows of a U-Net, distant rows, cells, and attention to all pixels.

    The largest map that is gathered are the reduced keys of the attention, 5 x 12 of
    10 x 24 pixels, which are padded to 8 x 12.
    """
    mesh, x = make_mesh(2, 4), np.ones((2, 20, 48, CHANNELS), np.float32)

    def run(x, w, up):
        low = max_pool(conv(x, w, padding=1), window=2)
        lower = conv(max_pool(low, window=2), w, rate=5, padding=5)
        y = conv_transpose(lower, up, stride=2) + attention(low) + cells(low)
        return jnp.sum(conv(resize(y, (15, 48)), w, padding=1) ** 2)

    gradient = jax.jit(within_mesh(jax.grad(run, (0, 1, 2)), mesh))
    x = jax.device_put(x, NamedSharding(mesh, P("batch", "space")))
    text = gradient.lower(x, kernel(3), kernel(2)).compile().as_text()
    found = collectives(text)
    kinds = {one.kind for one in found}
    assert kinds <= {"collective-permute", "all-reduce", "all-gather"}
    gathered = [one.shapes[0].dims for one in found if one.kind == "all-gather"]
    assert max(rows * columns for _, rows, columns, _ in gathered) == 8 * 12
