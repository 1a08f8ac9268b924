"""Bilinear resizing whose coordinates are data, not constants of the program.

`jaxseg.ops.resize` is compiled anew for every pair of sizes. Prediction meets images
of every size, so here the two neighbors and the weight of each output row and column
are arguments: arrays padded to common lengths share one compiled program.
Half-pixel or aligned corners; never antialiased.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class Taps(NamedTuple):
    """Linear interpolation along one axis: out[i] = lerp(x[low[i]], x[high[i]])."""

    low: np.ndarray  # int32 [n]
    high: np.ndarray  # int32 [n]
    weight: np.ndarray  # float32 [n], share of `high`


def taps(source: int, target: int, *, align_corners: bool = False) -> Taps:
    """Neighbors and weights that resize an axis from `source` to `target` entries.

    Position of output i: (i + 1/2) * source / target - 1/2 clipped to the axis, or
    i * (source - 1) / (target - 1) with `align_corners`.

    Raises:
      ValueError: if a length is below 1.
    """
    if source < 1 or target < 1:
        raise ValueError(f"source {source} and target {target} must be at least 1")
    index = np.arange(target, dtype=np.float64)
    if align_corners:
        position = index * ((source - 1) / max(target - 1, 1))
    else:
        position = (index + 0.5) * (source / target) - 0.5
    position = np.clip(position, 0, source - 1)
    low = np.floor(position).astype(np.int32)
    high = np.minimum(low + 1, source - 1).astype(np.int32)
    return Taps(low, high, (position - low).astype(np.float32))


def extend(axis: Taps, length: int) -> Taps:
    """Repeats the last entry until there are `length` (at least as many as now)."""
    extra = (0, length - len(axis.low))
    return Taps(*(np.pad(part, extra, mode="edge") for part in axis))


def sample(x, rows: Taps, columns: Taps):
    """Resizes [B, h, w, C] to [B, len(rows), len(columns), C]; NumPy stays NumPy."""
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
    """Class of every pixel after bilinear resizing, int32 [B, H, W].

    Equals `argmax(resize(logits, size), -1)` but holds the enlarged logits of `block`
    rows at a time: 150 classes at 1024 x 2048 are 1.26 GB otherwise. (Argmax first and
    resizing after is something else: it does not give the same classes.)
    """
    height, width = size
    _, h, w, _ = logits.shape
    rows = taps(h, height, align_corners=align_corners)
    columns = taps(w, width, align_corners=align_corners)
    rows = extend(rows, -(-height // block) * block)
    return argmax_blocks(logits, rows, columns, block=block)[:, :height]


def argmax_blocks(logits, rows: Taps, columns: Taps, *, block: int) -> jax.Array:
    """`upsample_argmax` for given taps; `len(rows)` is a multiple of `block`."""
    groups = Taps(*(jnp.reshape(part, (-1, block)) for part in rows))
    label = jax.lax.map(
        lambda group: jnp.argmax(sample(logits, group, columns), axis=-1), groups
    )
    label = jnp.moveaxis(label, 0, 1)  # [B, groups, block, W]
    return label.reshape(label.shape[0], -1, label.shape[-1]).astype(jnp.int32)
