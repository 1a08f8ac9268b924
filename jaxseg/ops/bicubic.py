"""Bicubic resizing with half-pixel centers, as PyTorch defines it.

Each axis is multiplied by a dense matrix. This suits small maps such as position
embeddings. Without antialiasing, the parameter a of the cubic kernel is -0.75, and
pixels at the border are repeated. With antialiasing, a is -0.5, the kernel widens when
the map shrinks, and positions outside the map have no weight, as in Pillow.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxseg.ops.open_size import is_open
from jaxseg.typing import Array, Size


def resize_bicubic(
    x: Array, size: Size, *, antialias: bool = False, offset: float = 0.0
) -> Array:
    """Resizes a map bicubically to a given height and width.

    Args:
      x: [B, H, W, C].
      size: Height and width of the result.
      antialias: Whether the kernel widens when the map shrinks.
      offset: Positions are computed as if the result had this many more rows and
        columns. DINOv2 uses 0.1 (arXiv 2304.07193, the authors' code).

    Returns:
      [B, *size, C].
    """
    for axis, target in zip((1, 2), size, strict=True):
        weights = bicubic_weights(
            x.shape[axis], target, antialias=antialias, offset=offset
        )
        exact = jax.lax.Precision.HIGHEST  # a TPU would round float32 to bfloat16
        weights = jnp.asarray(weights, x.dtype)
        y = jnp.tensordot(weights, x, axes=(1, axis), precision=exact)
        x = jnp.moveaxis(y, 0, axis)
    return x


def bicubic_weights(
    source: int, target: int, *, antialias: bool = False, offset: float = 0.0
) -> np.ndarray | Array:
    """Returns the matrix that resizes one axis bicubically, float32 [target, source].

    With `antialias`, the kernel widens when the axis shrinks. Positions are computed as
    if the result had `offset` more rows. In a program that is exported for images of
    any size, a length can be a symbol (`jaxseg.ops.open_size`). The exported program
    then computes the matrix when it runs.
    """
    xp: Any = jnp if is_open(source, target) else np
    rows = xp.arange(source, dtype=xp.float32)[None]
    step = source / (xp.asarray(target, xp.float32) + offset)
    center = ((xp.arange(target, dtype=xp.float32) + 0.5) * step - 0.5)[:, None]
    if antialias:
        weights = _cubic(xp, xp.abs(rows - center) / xp.maximum(step, 1), -0.5)
        return (weights / weights.sum(1, keepdims=True)).astype(xp.float32)
    first, weights = xp.floor(center), 0
    for tap in (-1, 0, 1, 2):
        row = xp.clip(first + tap, 0, source - 1)
        share = _cubic(xp, xp.abs(center - first - tap), -0.75)
        weights = weights + xp.where(rows == row, share, 0)
    return weights.astype(xp.float32)


def _cubic(xp, distance, a):
    """Returns the cubic convolution kernel at distances >= 0 (Keys, 1981)."""
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = a * (((distance - 5) * distance + 8) * distance - 4)
    return xp.where(distance <= 1, near, xp.where(distance < 2, far, 0))
