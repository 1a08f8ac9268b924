"""Resizes arrays bilinearly, with one compiled program for many sizes.

`jaxseg.ops.resize` is compiled again for every pair of input and output sizes.
Prediction handles images of many sizes, so the functions here take the two neighbors
and the weight of each output row and column as arrays. Arrays that are padded to equal
lengths share one compiled program. There is no antialiasing.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from jaxseg.ops.bilinear import Taps, taps


def extend(axis: Taps, length: int) -> Taps:
    """Returns a copy of `axis`, extended to more output rows (or columns).

    The neighbors and the weight of the last row (or column) are repeated.

    Args:
      axis: For each output row (or column), the indices of the two input rows (or
        columns) between which it is interpolated, and the weight of the second one.
      length: The number of output rows or columns after padding, at least that of
        `axis`.
    """
    extra = (0, length - len(axis.low))
    return Taps(*(np.pad(part, extra, mode="edge") for part in axis))


def sample(x, rows: Taps, columns: Taps):
    """Resizes images bilinearly with precomputed neighbors and weights.

    Args:
      x: The images, [B, h, w, C], as a JAX or NumPy array.
      rows: For each of the H output rows, the two input rows between which it is
        interpolated, and the weight of the second one.
      columns: The same for each of the W output columns.

    Returns:
      The images, [B, H, W, C], as the same kind of array.
    """
    return _lerp(_lerp(x, rows, axis=1), columns, axis=2)


def _lerp(x, axis_taps: Taps, *, axis: int):
    xp = jnp if isinstance(x, jax.Array) else np
    shape = [1] * x.ndim
    shape[axis] = -1
    weight = xp.reshape(axis_taps.weight, shape)
    low = xp.take(x, axis_taps.low, axis=axis)
    return low + weight * (xp.take(x, axis_taps.high, axis=axis) - low)


def upsample_argmax(
    logits: jax.Array,
    size: tuple[int, int],
    *,
    block: int = 64,
    align_corners: bool = False,
) -> jax.Array:
    """Resizes logits bilinearly and returns the most probable class of every pixel.

    The result equals `argmax(resize(logits, size), -1)`, but only the resized logits of
    `block` rows are in memory at once. For 150 classes and 1024 x 2048 pixels, all
    resized logits would take 1.26 GB.

    Args:
      logits: The logits, [B, h, w, K].
      size: The height and width of the result.
      block: The number of rows that are resized at once.
      align_corners: Whether the centers of the corner pixels are aligned. By default,
        pixels have half-pixel centers.

    Returns:
      The classes, int32 [B, H, W].
    """
    height, width = size
    _, h, w, _ = logits.shape
    rows = taps(h, height, align_corners=align_corners)
    columns = taps(w, width, align_corners=align_corners)
    rows = extend(rows, -(-height // block) * block)
    return argmax_blocks(logits, rows, columns, block=block)[:, :height]


def argmax_blocks(logits, rows: Taps, columns: Taps, *, block: int) -> jax.Array:
    """Resizes logits and returns the most probable class, a few rows at a time.

    It does the work of `upsample_argmax`, with given neighbors and weights.

    Args:
      logits: The logits, [B, h, w, K].
      rows: For each of the H output rows, the two input rows between which it is
        interpolated, and the weight of the second one. H is a multiple of `block`.
      columns: The same for each of the W output columns.
      block: The number of rows that are resized at once.

    Returns:
      The classes, int32 [B, H, W].
    """
    groups = Taps(*(jnp.reshape(part, (-1, block)) for part in rows))
    label = jax.lax.map(
        lambda group: jnp.argmax(sample(logits, group, columns), axis=-1), groups
    )
    label = jnp.moveaxis(label, 0, 1)  # [B, groups, block, W]
    return label.reshape(label.shape[0], -1, label.shape[-1]).astype(jnp.int32)
