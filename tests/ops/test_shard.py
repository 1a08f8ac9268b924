"""Operators on maps that devices share: value and gradient as on one device."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.analysis.hlo.collective import collectives
from jaxseg.ops.conv import conv
from jaxseg.ops.pool import avg_pool, max_pool
from jaxseg.ops.resize import resize
from jaxseg.ops.spatial import layout as shard
from jaxseg.ops.transposed import conv_transpose
from jaxseg.training.devices.mesh import batch_sharding, make_mesh, within_mesh

X, W = (2, 16, 8, 6), (3, 3, 6, 4)


def atrous(x, w):
    return conv(x, w, rate=7, padding=7)


def atrous_depthwise(x, w):
    kernel = w[:, :, :1].repeat(2, -1)[..., :6]
    return conv(x, kernel, rate=9, padding=9, groups=6)


def atrous_strided(x, w):
    return conv(x, w, rate=6, stride=2, padding=6)


def twice(**options):
    return lambda x, w: resize(x, (32, 16), **options)


def transposed(size, **options):
    def run(x, w):
        w = jnp.tile(w, (3, 3, 1, 1))[: size[0], : size[1]]
        return conv_transpose(x, w, **options)

    return run


CASES = {
    "conv": lambda x, w: conv(x, w, padding=1),
    "strided": lambda x, w: conv(x, w, stride=2, padding=1),
    "atrous": lambda x, w: conv(x, w, rate=2, padding=2),
    "pointwise": lambda x, w: conv(x, w[:1, :1]),
    "pointwise_strided": lambda x, w: conv(x, w[:1, :1], stride=2),
    "depthwise": lambda x, w: conv(
        x, w[:, :, :1].repeat(2, -1)[..., :6], padding=1, groups=6
    ),
    "far": atrous,
    "far_depthwise": atrous_depthwise,
    "far_strided": atrous_strided,
    "max_2": lambda x, w: max_pool(x, window=2),
    "max_3": lambda x, w: max_pool(x, window=3, stride=2, padding=1),
    "mean": lambda x, w: avg_pool(x, window=2),
    "up_2": transposed((2, 2), stride=2),
    "up_4": transposed((4, 4), stride=2, padding=1),
    "up_3": transposed((3, 3), stride=2, padding=1, output_padding=1),
    "up_8": transposed((8, 8), stride=4, padding=2),
    "bilinear": twice(),
    "aligned": twice(align_corners=True),
    "nearest": twice(method="nearest"),
    "shrink": lambda x, w: resize(x, (8, 4), antialias=True),
    "odd_ratio": lambda x, w: resize(x, (24, 20)),
}


def values(seed=0):
    random = np.random.default_rng(seed)
    return (
        random.normal(0, 1, X).astype(np.float32),
        random.normal(0, 1, W).astype(np.float32),
    )


def with_gradient(function):
    """Result and gradients under a cotangent that differs in every element."""

    def run(x, w):
        y, back = jax.vjp(function, x, w)
        return y, *back(jnp.cos(jnp.arange(y.size, dtype=jnp.float32)).reshape(y.shape))

    return run


@functools.cache
def alone(name):
    """Result and gradients on one device."""
    return jax.jit(with_gradient(CASES[name]))(*values())


# One of each kind of operator runs on tiles; test_halo.py has more on uneven tiles.
TILED = {"conv", "far", "max_3", "up_4", "bilinear", "nearest", "odd_ratio", "shrink"}
SHARED = [
    *((name, 4) for name in sorted(CASES)),
    *(
        pytest.param(name, (2, 2), marks=() if name in TILED else pytest.mark.sweep)
        for name in sorted(CASES)
    ),
]


@pytest.mark.parametrize(("name", "space"), SHARED, ids=str)
def test_shared_maps_change_nothing(name, space):
    function = CASES[name]
    x, w = values()
    expected = alone(name)
    mesh = make_mesh(2, space)
    placed = jax.device_put(x, batch_sharding(mesh, 4))
    program = jax.jit(within_mesh(with_gradient(function), mesh)).lower(placed, w)
    program = program.compile()
    got = program(placed, w)
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-5)
    y = got[0]
    assert math.prod(y.sharding.shard_shape(y.shape)) * 8 == y.size
    kinds = {c.kind for c in collectives(program.as_text())}
    assert kinds <= {"collective-permute", "all-reduce"}
    for one in collectives(program.as_text()):
        for shape in one.shapes:  # gradients of kernels are summed up, maps never
            is_map = len(shape.dims) == 4 and shape.dims[0] <= 2 and shape.dims[1] > 3
            assert one.kind != "all-reduce" or not is_map


def test_outside_a_mesh_nothing_is_said():
    x, _ = values()
    assert shard.parts() == (1, 1) and not shard.is_split()
    assert shard.split_rows(x) is x
    jaxpr = jax.make_jaxpr(functools.partial(resize, size=(32, 16)))(x)
    assert "sharding_constraint" not in str(jaxpr) and "shard_map" not in str(jaxpr)


def test_parts_are_those_of_the_mesh():
    seen = []

    def look(x):
        seen.append((shard.parts(), shard.is_split()))
        seen.append(tuple(shard.tiles(x)))
        return x

    x, _ = values()
    jax.eval_shape(within_mesh(look, make_mesh(2, 4)), x)
    assert seen == [((4, 1), True), ("batch", "space", None)]
    seen.clear()
    jax.eval_shape(within_mesh(look, make_mesh(2, (2, 2))), x)
    assert seen == [((2, 2), True), ("batch", "space", "columns")]
    seen.clear()
    jax.eval_shape(within_mesh(look, make_mesh(8)), x)
    assert seen == [((1, 1), False), (None,) * 3]


def test_rows_that_do_not_divide_are_still_right():
    x, w = values()
    x = x[:, :13, :7]

    def run(x, w):
        y = max_pool(conv(x, w, padding=1), window=2)
        return resize(conv_transpose(y, w[:2, :2, :4], stride=2), (13, 7))

    got = jax.jit(within_mesh(with_gradient(run), make_mesh(2, 4)))(x, w)
    for a, b in zip(got, jax.jit(with_gradient(run))(x, w), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-5)
