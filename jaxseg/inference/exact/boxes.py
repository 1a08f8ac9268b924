"""Cuts out of an array the part that is needed for one tile of the output."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxseg.analysis.regions.arrays import Span


class Tile:
    """Holds the position of a tile, and looks up numbers that depend on this position.

    One compiled program computes all tiles. It takes the position of the tile as an
    argument. Numbers that differ between tiles, such as the first row to read, are in
    arrays with one entry for each row or column of tiles.
    """

    def __init__(self, row, column):
        """Takes the row and the column of the tile in the grid, as integer scalars."""
        self._index = {"rows": row, "columns": column}

    def number(self, values: Any, axis: str | None):
        """Returns the entry of an array that belongs to this tile's row or column.

        Args:
          values: An array with one integer for each row or column of tiles, or a
            single integer for all tiles.
          axis: "rows" or "columns", if `values` is an array.

        Returns:
          A Python integer if the number is equal for all tiles, else an int32 scalar.
        """
        values = np.asarray(values)
        if values.ndim == 0 or (values == values[0]).all():
            return int(values.reshape(-1)[0])
        return jnp.asarray(values.astype(np.int32))[self._index[axis]]


def fetch(tile: Tile, x, have: list[Span], want: list[Span], fill=None):
    """Returns the part of an array that a tile needs.

    Only a part of the array is in memory. Each part is described by a list of
    intervals, one along each axis of the array.

    Args:
      tile: The position of the tile.
      x: The part of the array that is in memory.
      have: The intervals of this part.
      want: The intervals of the part that is returned.
      fill: The value of returned positions that are not in `x`, such as padding. None
        if `x` contains all of them.

    Raises:
      ValueError: If `fill` is None and `x` does not contain a returned position.
    """
    pads, starts, sizes = [], [], []
    for own, other in zip(have, want, strict=True):
        axis = own.axis or other.axis
        shift = np.asarray(other.start) - np.asarray(own.start)
        if other.live is not None:  # Other tiles do not use the result.
            room = max(0, own.length - other.length)
            shift = np.where(other.live, shift, np.clip(shift, 0, room))
        low = max(0, int(np.max(-shift)))
        high = max(0, int(np.max(shift + other.length - own.length)))
        pads.append((low, high, 0))
        starts.append(tile.number(shift + low, axis))
        sizes.append(other.length)
    if any(low or high for low, high, _ in pads):
        if fill is None:
            raise ValueError(
                f"want={want} is invalid with fill=None: expected intervals inside "
                f"have={have}."
            )
        x = lax.pad(x, jnp.asarray(fill, x.dtype), pads)
    if tuple(sizes) == x.shape:
        return x
    if all(isinstance(start, int) for start in starts):
        stops = [a + n for a, n in zip(starts, sizes, strict=True)]
        return lax.slice(x, starts, stops)
    return lax.dynamic_slice(x, [jnp.int32(start) for start in starts], sizes)


def inside(tile: Tile, span: Span, first: Any, last: Any):
    """Returns which positions of an interval lie in a second interval.

    The result is booleans, one for each position of the first interval.

    Args:
      tile: The position of the tile.
      span: The first interval.
      first: The first position of the second interval: an integer, or an array with one
        integer for each row or column of tiles.
      last: The position after the end of the second interval, an integer or an array
        like `first`.
    """
    position = np.arange(span.length)
    low = tile.number(np.asarray(first) - np.asarray(span.start), span.axis)
    high = tile.number(np.asarray(last) - np.asarray(span.start), span.axis)
    return (position >= low) & (position < high)
