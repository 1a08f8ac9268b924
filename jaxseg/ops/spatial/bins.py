"""Averages a map whose rows (and columns) are sharded over devices into a few cells.

Each device sums up its own pixels. Then the devices add their sums, which are as small
as the result. XLA's partitioner would reduce rows and columns one after the other, and
add up arrays as wide as the map.
"""

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import PartitionSpec as P

from jaxseg.ops.spatial.halo import pad_last
from jaxseg.ops.spatial.layout import parts, per_device, shared_axes, tiles
from jaxseg.ops.spatial.linear import product
from jaxseg.typing import Array


def binned(x: Array, weights: tuple[np.ndarray, np.ndarray]) -> Array:
    """Multiplies the rows and the columns of a sharded map by matrices with few rows.

    Args:
      x: [B, H, W, C].
      weights: The matrices for rows and columns, [b, H] and [d, W].

    Returns:
      [B, b, d, C], of which every device has a copy.
    """
    names, counts = shared_axes(), parts()
    shares = [
        jnp.asarray(_cut(w, n), x.dtype) for w, n in zip(weights, counts, strict=True)
    ]
    x = pad_last(x, counts)
    used = tuple(name for name in names if name)

    def local(x, rows, columns):
        y = product(product(x, rows[0], 1), columns[0], 2)
        return lax.psum(y.astype(jnp.float32), used).astype(y.dtype)

    specs = (tiles(x), *(P(name) for name in names))
    return per_device(local, specs, P(specs[0][0]))(x, *shares)


def _cut(weights, count):
    """Cuts a matrix [b, n] into the columns of each device, [count, b, ceil(n / c)]."""
    weights = np.pad(weights, ((0, 0), (0, -weights.shape[1] % count)))
    return np.stack(np.split(weights, count, axis=1))
