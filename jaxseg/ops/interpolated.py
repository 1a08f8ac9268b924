"""Atrous convolution whose rate is a real number that can be learned.

Kernel positions between pixels read bilinear interpolations of the four nearest pixels.
At whole rates, the result is that of `jaxseg.ops.conv.conv`. The result is
differentiable with respect to the rate, except at rates that put a kernel position
other than the center exactly on a row or a column of pixels.
"""

import jax.numpy as jnp
from jax import lax

from jaxseg.typing import Array


def interpolated_conv(
    x: Array, kernel: Array, rate: Array | float, *, largest: int
) -> Array:
    """Convolves a map with a kernel whose weights are a real number of pixels apart.

    Zeros surround the map, and the result has its height and width.

    Args:
      x: [B, H, W, C].
      kernel: [k, k, C, O] with odd k.
      rate: The atrous rate, a scalar, or two rates [2] for rows and columns. It may be
        traced. It is limited to the range from 0 to `largest`, outside of which its
        gradient is 0.
      largest: The largest rate, which determines how much zero padding is added.

    Returns:
      [B, H, W, O].

    Raises:
      ValueError: If the shapes do not fit, or the kernel size is even.
    """
    size = kernel.shape[0]
    if x.ndim != 4 or kernel.shape[:3] != (size, size, x.shape[-1]) or size % 2 == 0:
        raise ValueError(
            f"kernel={list(kernel.shape)} is invalid: expected [k, k, {x.shape[-1]}, "
            f"out] with odd k for a map of shape {list(x.shape)}."
        )
    rates = jnp.clip(jnp.broadcast_to(jnp.asarray(rate, jnp.float32), (2,)), 0, largest)
    half = (size - 1) // 2
    edge = half * largest + 1  # one more pixel for the interpolation
    padded = jnp.pad(x, ((0, 0), (edge, edge), (edge, edge), (0, 0)))
    total = jnp.zeros((*x.shape[:3], kernel.shape[-1]), x.dtype)
    for row in range(size):
        line = _shifted(padded, (row - half) * rates[0], 1, edge, x.shape[1])
        for column in range(size):
            taps = _shifted(line, (column - half) * rates[1], 2, edge, x.shape[2])
            total = total + taps @ kernel[row, column]
    return total


def _shifted(x, offset, axis, edge, length):
    """Reads `length` pixels along an axis from the position edge + offset on."""
    whole = jnp.floor(offset)
    share = (offset - whole).astype(x.dtype)
    # At the largest offset, the pixel after the last one has the share 0.
    start = jnp.clip(whole.astype(jnp.int32) + edge, 0, 2 * edge - 1)
    near = lax.dynamic_slice_in_dim(x, start, length, axis)
    far = lax.dynamic_slice_in_dim(x, start + 1, length, axis)
    return near * (1 - share) + far * share
