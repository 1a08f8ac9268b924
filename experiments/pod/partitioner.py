"""Gradients of windowed operations that XLA's SPMD partitioner divides over devices.

    python partitioner.py

The script needs only jax and numpy, and no accelerator: it simulates eight CPU devices.
For each case, it compiles one gradient function twice, for one device and for a mesh
with a sharding constraint on the rows (and columns) of the image, and prints the
largest error relative to the largest value. Expected are errors of rounding, up to
about 1e-6, in every line. partitioner.md has the output.
"""

import os

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np
from jax import lax
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

CHANNELS = 8
# name, size, devices for rows and for columns, kernel, stride, dilation, groups; a
# kernel of 0 stands for maxima of 3 x 3 pixels at stride 1
CASES = (
    ("3x3 on 16 x 6", (16, 6), (4, 1), 3, 1, 1, 1),
    ("3x3 on 14 x 6", (14, 6), (4, 1), 3, 1, 1, 1),
    ("3x3 on 2 x 6", (2, 6), (2, 1), 3, 1, 1, 1),
    ("5x5 on 11 x 4", (11, 4), (2, 2), 5, 1, 1, 1),
    ("5x5, dilation 2, on 5 x 8", (5, 8), (2, 2), 5, 1, 2, 1),
    ("1x1, stride 2, on 13 x 8", (13, 8), (2, 2), 1, 2, 1, 1),
    ("depthwise 3x3 on 16 x 6", (16, 6), (4, 1), 3, 1, 1, CHANNELS),
    ("depthwise 3x3 on 14 x 6", (14, 6), (4, 1), 3, 1, 1, CHANNELS),
    ("max 3x3 on 16 x 6", (16, 6), (4, 1), 0, 1, 1, 1),
    ("max 3x3 on 14 x 6", (14, 6), (4, 1), 0, 1, 1, 1),
)


def operation(size, stride, dilation, groups):
    """Returns the operation as a function of the image and the kernel."""
    pads = ((dilation * (size // 2),) * 2,) * 2

    def run(x, kernel):
        if not size:
            window, around = (1, 3, 3, 1), ((0, 0), (1, 1), (1, 1), (0, 0))
            return lax.reduce_window(x, -jnp.inf, lax.max, window, (1,) * 4, around)
        return lax.conv_general_dilated(
            x,
            kernel,
            (stride, stride),
            pads,
            rhs_dilation=(dilation, dilation),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=groups,
        )

    return run


def sharded(x, mesh):
    """Constrains the sharding of examples, rows and columns that divide evenly."""
    if mesh is None:
        return x
    places = [
        None
        if mesh.shape[name] == 1
        else P.UNCONSTRAINED
        if n % mesh.shape[name]
        else name
        for n, name in zip(x.shape[:3], mesh.axis_names, strict=True)
    ]
    return lax.with_sharding_constraint(x, NamedSharding(mesh, P(*places)))


def gradients(function, mesh, x, kernel, weights):
    """Returns the loss and its gradients of image and kernel."""

    def loss(x, kernel):
        y = sharded(function(sharded(x, mesh), kernel), mesh)
        return jnp.sum(jnp.tanh(y) * weights)

    value, slopes = jax.value_and_grad(loss, (0, 1))(x, kernel)
    return value, *slopes


def errors(size, devices, *case):
    """Returns the errors of the loss and of both gradients."""
    function, side = operation(*case), max(case[0], 1)
    random = np.random.default_rng(0)
    draw = lambda *shape: random.normal(size=shape).astype(np.float32)
    x = draw(2, *size, CHANNELS)
    kernel = draw(side, side, CHANNELS // case[3], CHANNELS)
    weights = draw(*jax.eval_shape(function, x, kernel).shape)
    run = jax.jit(gradients, static_argnums=(0, 1))
    expected = run(function, None, x, kernel, weights)
    names, kinds = ("batch", "rows", "columns"), (AxisType.Auto,) * 3
    count = 2 * devices[0] * devices[1]
    mesh = jax.make_mesh(
        (2, *devices), names, axis_types=kinds, devices=jax.devices()[:count]
    )
    x, weights = (
        jax.device_put(a, NamedSharding(mesh, P("batch"))) for a in (x, weights)
    )
    found = run(function, mesh, x, kernel, weights)
    for got, want in zip(found, expected, strict=True):
        got, want = np.asarray(got), np.asarray(want)
        yield np.abs(got - want).max() / max(np.abs(want).max(), 1e-6)


def main():
    print(f"jax {jax.__version__}, jaxlib {jaxlib.__version__}")
    print("largest error relative to the largest value")
    print(f"{'':28} {'loss':>9} {'d image':>9} {'d kernel':>9}")
    for name, *case in CASES:
        print(f"{name:28} " + " ".join(f"{error:9.0e}" for error in errors(*case)))


if __name__ == "__main__":
    main()
