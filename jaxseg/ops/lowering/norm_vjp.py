"""Batch normalization with a gradient that is written out, for a single CPU device.

The gradient that JAX derives of the same formulas consists of about three times as many
operations on vectors of one value per channel. Each of them becomes a kernel of its own
on a CPU, and a deep network has hundreds of normalizations, so that they took a large
part of the time of compilation. Only reverse mode is available.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from jaxseg.ops.lowering.platform import platform
from jaxseg.ops.lowering.portable import is_portable
from jaxseg.typing import Array


def on_one_cpu() -> bool:
    """Returns whether the program is traced for one CPU device.

    It is False for a converter to another format (`jaxseg.ops.lowering.portable`).
    """
    alone = jax.sharding.get_abstract_mesh().size <= 1
    return alone and platform() == "cpu" and not is_portable()


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def batch_normalized(
    epsilon: float, x: Array, scale: Array, bias: Array
) -> tuple[Array, Array, Array]:
    """Normalizes the last axis of x by the mean and the variance over all other axes.

    y = (x - mean) / sqrt(var + epsilon) * scale + bias

    Args:
      epsilon: Added to the variance.
      x: [..., C], of any floating-point type. The arithmetic is in float32.
      scale: [C].
      bias: [C].

    Returns:
      A tuple: y of the shape and type of x, the mean [C], and the biased variance [C].
    """
    return _forward(epsilon, x, scale, bias)[0]


# Under jit, layers of one shape are traced and lowered only once.
@partial(jax.jit, static_argnums=0)
def _forward(epsilon, x, scale, bias):
    values = x.astype(jnp.float32)
    axes, count = _axes(x)
    mean = lax.reduce_sum(values, axes) * (1 / count)
    square = lax.reduce_sum(values * values, axes) * (1 / count)
    # Rounding can make the difference of the moments slightly negative.
    var = lax.max(square - mean * mean, jnp.zeros_like(mean))
    inverse = lax.rsqrt(var + epsilon)
    factor = scale * inverse
    y = _affine(values, factor, bias - mean * factor).astype(x.dtype)
    return (y, mean, var), (x, scale, mean, var, inverse)


@partial(jax.jit, static_argnums=0)
def _backward(epsilon, saved, gradients):
    del epsilon
    x, scale, mean, var, inverse = saved
    gradient, of_mean, of_var = gradients
    values, gradient = x.astype(jnp.float32), gradient.astype(jnp.float32)
    axes, count = _axes(x)
    of_bias = lax.reduce_sum(gradient, axes)
    product = lax.reduce_sum(gradient * values, axes)
    of_scale = inverse * (product - mean * of_bias)
    factor = scale * inverse
    # dL/dx = factor * gradient + slope * (x - mean) + (of_mean - factor * of_bias) / n
    slope = (of_var + of_var - factor * inverse * of_scale) * (1 / count)
    slope = lax.select(var > 0, slope, jnp.zeros_like(slope))
    shift = (of_mean - factor * of_bias) * (1 / count) - slope * mean
    of_x = gradient * _last(factor, x) + _affine(values, slope, shift)
    return of_x.astype(x.dtype), of_scale, of_bias


batch_normalized.defvjp(_forward, _backward)


def _axes(x):
    """Returns the axes to sum over, and the number of values per channel."""
    return tuple(range(x.ndim - 1)), x.size // x.shape[-1]


def _last(vector, x):
    return lax.broadcast_in_dim(vector, x.shape, (x.ndim - 1,))


def _affine(x, factor, shift):
    return x * _last(factor, x) + _last(shift, x)
