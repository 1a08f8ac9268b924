"""Multiplies rows and columns that are sharded over devices by banded matrices.

It computes y = weights @ x along an axis, where row i of y needs only nearby rows of x.
Each device fetches the rows that it lacks from the devices before and after it, and
multiplies by its own band of the matrix. XLA's partitioner would copy the whole of x to
each device.

A side of n rows on c devices is split into parts of ceil(n / c) rows. The last part may
be shorter, so neither n nor the number of rows of the result must be a multiple of c.
"""

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import PartitionSpec as P

from jaxseg.ops.spatial.halo import pad_last, rows_between
from jaxseg.ops.spatial.layout import (
    parts,
    per_device,
    shared_axes,
    split_rows,
    tiles,
)
from jaxseg.typing import Array

# A map of at most this many pixels is copied to every device where a device would need
# rows of others than its neighbors. It is often the result of a pooling, of which every
# device has a copy anyway; otherwise one exchange replaces several.
SMALL = 64


def banded(x: Array, weights: tuple[np.ndarray | None, np.ndarray | None]) -> Array:
    """Multiplies the rows and the columns of a sharded map by banded matrices.

    Args:
      x: [B, H, W, C].
      weights: The matrices for rows and columns, [H', H] and [W', W]. None leaves the
        side unchanged.

    Returns:
      [B, H', W', C], sharded by rows and columns.
    """
    names, counts = shared_axes(), parts()
    sizes = [x.shape[a + 1] if w is None else len(w) for a, w in enumerate(weights)]
    cuts = [None if w is None else _Bands(w, counts[a]) for a, w in enumerate(weights)]
    near = all(cut is None or cut.near for cut in cuts)
    copied = not near and x.shape[1] * x.shape[2] <= SMALL
    held = [  # The mesh axes that shard rows and columns of x.
        None if copied and cut else name for name, cut in zip(names, cuts, strict=True)
    ]
    bands = [
        jnp.asarray(cut.bands if name else cut.rows, x.dtype)
        for name, cut in zip(held, cuts, strict=True)
        if cut
    ]
    places = [P(names[a]) for a, cut in enumerate(cuts) if cut]
    x = pad_last(x, [c if name else 1 for name, c in zip(held, counts, strict=True)])

    def local(x, *bands):
        left = list(bands)
        for axis, (name, cut) in enumerate(zip(held, cuts, strict=True), start=1):
            if cut is None:
                continue
            if name:
                x = rows_between(x, axis, name, low=cut.low, high=cut.high)
            x = product(x, left.pop(0)[0], axis)
        return x

    batch = tiles(x)[0]
    y = per_device(local, (P(batch, *held), *places), P(batch, *names))(x, *bands)
    return split_rows(y[:, : sizes[0], : sizes[1]])


class _Bands:
    """Contains the part of a matrix [m, n] that each of `count` devices needs.

    Attributes:
      rows: The rows of the matrix that each device computes, [count, ceil(m / count),
        n]. Entries beyond the matrix are 0.
      low: The first row of x that any device needs, counted from its own first row.
      high: The row after the last one that any device needs, counted in the same way.
      near: Whether all these rows are those of a device and of its direct neighbors.
      bands: `rows` for the rows of x that a device needs, [count, ceil(m / count),
        high - low].
    """

    def __init__(self, weights, count):
        made, held = (-(-size // count) for size in weights.shape)
        weights = np.pad(weights, ((0, made * count - len(weights)), (0, 0)))
        self.rows = np.stack(np.split(weights, count))
        used = [np.flatnonzero(own.any(0)) for own in self.rows]
        ends = [
            (u.min() - k * held, u.max() + 1 - k * held)
            for k, u in enumerate(used)
            if u.size
        ]
        self.low, self.high = int(min(ends)[0]), int(max(end for _, end in ends))
        self.near = count == 1 or (self.low >= -held and self.high <= 2 * held)
        before, width = max(0, -self.low), self.high - self.low
        wide = ((0, 0), (0, 0), (before, count * held + max(0, self.high)))
        wide = np.pad(self.rows, wide)
        starts = [k * held + self.low + before for k in range(count)]
        self.bands = np.stack(
            [own[:, s : s + width] for own, s in zip(wide, starts, strict=True)]
        )


def product(x: Array, weights: Array, axis: int) -> Array:
    """Multiplies one axis of a map by a matrix [m, n], in full float32 precision."""
    best = lax.Precision.HIGHEST
    y = lax.dot_general(weights, x, (((1,), (axis,)), ((), ())), precision=best)
    return jnp.moveaxis(y, 0, axis)
