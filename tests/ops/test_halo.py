"""Windows over shared rows where XLA's own partitioner goes wrong: uneven parts, maps
smaller than the kernel, overlapping maxima. As on one device, and nothing is gathered.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from jaxseg.analysis.hlo.collective import collectives
from jaxseg.ops.conv import conv
from jaxseg.ops.pool import avg_pool, max_pool
from jaxseg.ops.spatial import layout as shard
from jaxseg.ops.spatial.halo import with_neighbors
from jaxseg.ops.transposed import conv_transpose
from jaxseg.training.devices.mesh import make_mesh, within_mesh

CHANNELS = 4


def kernel(size, groups=1):
    shape = (size, size, CHANNELS // groups, CHANNELS)
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


TILES = (2, 2)
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
    ("before", "after", "fill"),
    [(1, 0, 0.0), (0, 2, -np.inf), (3, 5, 0.0), (9, 9, -np.inf)],
)
def test_neighbors_near_and_far(before, after, fill):
    mesh, x = make_mesh(2, 4), np.arange(1, 17, dtype=np.float32).reshape(2, 8, 1, 1)

    def run(x):
        local = partial(
            with_neighbors, axis=1, name="space", before=before, after=after, fill=fill
        )
        lies = shard.tiles(x)
        return shard.per_device(local, lies, lies)(x)

    got = jax.jit(within_mesh(run, mesh))(jax.device_put(x, NamedSharding(mesh, P())))
    ends = ((0, 0), (before, after), (0, 0), (0, 0))
    wide = np.pad(x, ends, constant_values=fill)
    rows = before + 2 + after
    want = [wide[:, start : start + rows] for start in range(0, 8, 2)]
    np.testing.assert_array_equal(got, np.concatenate(want, 1))


def test_uneven_maps_are_not_gathered():
    """Two levels of a U-Net: 20, 10, and 5 rows, which two devices share."""
    mesh, x = make_mesh(2, 2), np.ones((2, 20, 8, CHANNELS), np.float32)

    def run(x, w, up):
        low = max_pool(conv(x, w, padding=1), window=2)
        lower = conv(max_pool(low, window=2), w, padding=1)
        y = conv_transpose(lower, up, stride=2)
        return jnp.sum(conv(jnp.concatenate([y, low], -1)[..., 2:6], w, padding=1) ** 2)

    gradient = jax.jit(within_mesh(jax.grad(run, (0, 1, 2)), mesh))
    x = jax.device_put(x, NamedSharding(mesh, P("batch", "space")))
    text = gradient.lower(x, kernel(3), kernel(2)).compile().as_text()
    kinds = {one.kind for one in collectives(text)}
    assert kinds == {"collective-permute", "all-reduce"}
