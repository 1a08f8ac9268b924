"""Attention between the pixels of maps whose rows (and columns) are sharded."""

import math
from collections.abc import Callable

from jax.sharding import PartitionSpec as P

from jaxseg.ops.spatial.halo import pad_last
from jaxseg.ops.spatial.layout import parts, per_device, shared_axes, split_rows, tiles
from jaxseg.ops.spatial.linear import SMALL
from jaxseg.ops.spatial.ring import Ring, inside, ring_attend
from jaxseg.typing import Array

# Keys are copied to every device if there are at most `SMALL` of them, or if there are
# this many times as many queries. A reduced map of keys is that small beside the map of
# the queries, and one exchange is faster than a ring.
FEWER = 4


def shared_attend(
    local: Callable, query: Array, key: Array, value: Array, *, heads: int, scale: float
) -> Array:
    """Attends from the pixels of one sharded map to those of another.

    Args:
      local: Attends on one device to keys that it holds: query [B, N, H, D], key
        [B, M, H, D] and value [B, M, H, E] to [B, N, H, E].
      query: [B, H, W, heads * D].
      key: [B, h, w, heads * D].
      value: [B, h, w, heads * E].
      heads: Number of attention heads.
      scale: The factor that multiplies the dot products.

    Returns:
      [B, H, W, heads * E], sharded by rows and columns.
    """
    size, few = query.shape[1:3], math.prod(key.shape[1:3])
    copied = few <= max(SMALL, math.prod(size) // FEWER)
    counts = parts()
    query = pad_last(query, counts)
    spec = tiles(query)
    ring = None
    if not copied:
        ring = _ring(key.shape[1:3], counts, scale)
        key, value = pad_last(key, counts), pad_last(value, counts)

    def on_device(*maps):
        rows, columns = maps[0].shape[1:3]
        parts = [x.reshape(x.shape[0], -1, heads, x.shape[-1] // heads) for x in maps]
        y = local(*parts) if ring is None else ring_attend(ring, *parts)
        return y.reshape(y.shape[0], rows, columns, -1)

    of_keys = P(spec[0]) if copied else spec
    y = per_device(on_device, (spec, of_keys, of_keys), spec)(query, key, value)
    return split_rows(y[:, : size[0], : size[1]])


def _ring(size, counts, scale):
    """Returns the ring, in which the padding of the last rows and columns is masked."""
    valid = inside(size, counts)
    names = tuple(name for name in shared_axes() if name)
    return Ring(names, len(valid), tuple(map(tuple, valid.tolist())), scale)
