"""Gradients of windows over rows that devices share, by XLA's partitioner and by ours.

    python experiments/pod/partitioner.py

Needs no accelerator: eight CPU devices are simulated, two examples by four devices for
the rows of each. The loss is sum(tanh(y) * random). What was seen: partitioner.md.
"""

import os

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from jaxseg.ops.conv import conv
from jaxseg.ops.pool import max_pool
from jaxseg.ops.spatial.layout import split_rows
from jaxseg.training.devices.mesh import make_mesh, within_mesh

CHANNELS = 8
TILES = (2, 2)
# name, size, devices that share it, kernel, stride, atrous rate, groups; kernel 0:
# maxima of 3 x 3 at stride 1
CASES = (
    ("3x3", (16, 6), 4, 3, 1, 1, 1),
    ("3x3, uneven", (14, 6), 4, 3, 1, 1, 1),
    ("3x3 on 2 rows", (2, 6), 2, 3, 1, 1, 1),
    ("5x5 on 11 x 4, tiles", (11, 4), TILES, 5, 1, 1, 1),
    ("5x5 at rate 2 on 5 x 8, tiles", (5, 8), TILES, 5, 1, 2, 1),
    ("1x1 at stride 2 on 13 x 8, tiles", (13, 8), TILES, 1, 2, 1, 1),
    ("depthwise 3x3", (16, 6), 4, 3, 1, 1, CHANNELS),
    ("depthwise 3x3, uneven", (14, 6), 4, 3, 1, 1, CHANNELS),
    ("overlapping maxima", (16, 6), 4, 0, 1, 1, 1),
    ("overlapping maxima, uneven", (14, 6), 4, 0, 1, 1, 1),
)


def plain(kernel_size, stride, rate, groups):
    """The operator as a JAX primitive, which leaves rows to the partitioner."""
    pads = ((rate * (kernel_size // 2),) * 2,) * 2

    def run(x, kernel):
        if not kernel_size:
            window, around = (1, 3, 3, 1), ((0, 0), (1, 1), (1, 1), (0, 0))
            return lax.reduce_window(x, -jnp.inf, lax.max, window, (1,) * 4, around)
        return lax.conv_general_dilated(
            x,
            kernel,
            (stride, stride),
            pads,
            rhs_dilation=(rate, rate),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=groups,
        )

    return run


def ours(kernel_size, stride, rate, groups):
    """The operator of `jaxseg.ops`."""

    def run(x, kernel):
        if not kernel_size:
            return max_pool(x, window=3, stride=1, padding=1)
        same = rate * (kernel_size // 2)
        return conv(x, kernel, stride=stride, rate=rate, padding=same, groups=groups)

    return run


def gradients(function):
    """Of x and of the kernel, from a loss that differs in every element."""

    def loss(x, kernel, random):
        return jnp.sum(jnp.tanh(split_rows(function(split_rows(x), kernel))) * random)

    return jax.grad(loss, (0, 1))


def worst(got, expected):
    """Largest error relative to the largest value, of each gradient."""
    return [
        np.abs(np.asarray(a) - np.asarray(b)).max() / max(np.abs(b).max(), 1e-6)
        for a, b in zip(got, expected, strict=True)
    ]


def compared(size, space, *case):
    """Errors of both forms, image and kernel each."""
    random, side = np.random.default_rng(0), max(case[0], 1)
    x = random.normal(size=(2, *size, CHANNELS)).astype(np.float32)
    shape = (side, side, CHANNELS // case[3], CHANNELS)
    kernel = random.normal(size=shape).astype(np.float32)
    share = jax.eval_shape(plain(*case), x, kernel)
    share = random.normal(size=share.shape).astype(np.float32)
    expected = jax.jit(gradients(plain(*case)))(x, kernel, share)
    mesh = make_mesh(2, space)
    x, share = (jax.device_put(a, NamedSharding(mesh, P("batch"))) for a in (x, share))
    for make in (plain, ours):
        step = jax.jit(within_mesh(gradients(make(*case)), mesh))
        yield from worst(step(x, kernel, share), expected)


def main():
    print(f"jax {jax.__version__}; error relative to the largest value: image, kernel")
    print(f"{'':34} {'partitioner':>18} {'jaxseg.ops':>18}")
    for name, *case in CASES:
        print(f"{name:34} " + "".join(f"{error:9.0e}" for error in compared(*case)))


if __name__ == "__main__":
    main()
