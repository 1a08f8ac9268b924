"""Multiplies rows or columns that are sharded over devices by a banded matrix.

It computes y = weights @ x along one axis, where row i of y needs only nearby rows of
x. Each device fetches the missing rows from its two neighbors (one exchange in each
direction) and multiplies by its own band of the matrix. XLA's partitioner would gather
the whole of x on each device.
"""

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import PartitionSpec as P

from jaxseg.ops.spatial.halo import with_neighbors
from jaxseg.ops.spatial.layout import AXES, parts, per_device, tiles
from jaxseg.typing import Array


def fits(x: Array, axis: int, target: int) -> bool:
    """Returns whether `banded` can multiply the rows or columns of a sharded map.

    The axis must be sharded, and the number of its devices must divide both sizes.

    Args:
      x: The map, [B, H, W, C].
      axis: 1 for rows or 2 for columns.
      target: The number of rows or columns of the result.
    """
    count = parts()[axis - 1]
    return count > 1 and x.shape[axis] % count == 0 and target % count == 0


def banded(x: Array, weights: np.ndarray, axis: int) -> Array:
    """Multiplies the rows (axis 1) or columns (axis 2) of x by a banded matrix.

    Where a device would need rows beyond its direct neighbors, all rows are gathered.

    Args:
      x: [B, H, W, C], with n rows or columns.
      weights: [m, n].
      axis: 1 or 2.

    Returns:
      The product: a map like x, but with m rows or columns.
    """
    name, count = AXES[axis - 1], parts()[axis - 1]
    before, after = _reach(weights, count)
    if max(before, after) > x.shape[axis] // count:
        return _product(x, jnp.asarray(weights, x.dtype), axis)
    bands = jnp.asarray(_cut(weights, count=count, before=before, after=after), x.dtype)

    def local(x, band):
        return _product(
            with_neighbors(x, axis=axis, name=name, before=before, after=after),
            band[0],
            axis,
        )

    spec = tiles(x)
    return per_device(local, (spec, P(name)), spec)(x, bands)


def _reach(weights, count):
    """Returns the most rows that any device needs before and after its own."""
    target, source = (size // count for size in weights.shape)
    before = after = 0
    for k in range(count):
        used = np.flatnonzero(weights[k * target : (k + 1) * target].any(0))
        before = max(before, k * source - used.min())
        after = max(after, used.max() + 1 - (k + 1) * source)
    return int(before), int(after)


def _cut(weights, count, before, after):
    """Cuts the matrix into bands [count, m / count, before + n / count + after].

    Entries beyond the map are 0.
    """
    target, source = (size // count for size in weights.shape)
    padded = np.pad(weights, ((0, 0), (before, after)))
    return np.stack(
        [
            padded[k * target : (k + 1) * target][
                :, k * source : (k + 1) * source + before + after
            ]
            for k in range(count)
        ]
    )


def _product(x, weights, axis):
    best = lax.Precision.HIGHEST
    y = lax.dot_general(weights, x, (((1,), (axis,)), ((), ())), precision=best)
    return jnp.moveaxis(y, 0, axis)
