"""Cuts the part of an array that an operation reads out of the part that is stored."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxseg.analysis.regions.arrays import Span


class Tile:
    """Gives numbers that depend on the tile to a program that serves all tiles.

    A number that is the same for all tiles is a Python integer; another one is read
    from a table by the index of the tile.
    """

    def __init__(self, row, column):
        """Takes the indices of the tile, integer scalars."""
        self._index = {"rows": row, "columns": column}

    def number(self, values: Any, axis: str | None):
        """Returns the number of this tile.

        Args:
          values: An integer, or an array with one integer for each row or column of
            tiles.
          axis: "rows" or "columns" for an array.
        """
        values = np.asarray(values)
        if values.ndim == 0 or (values == values[0]).all():
            return int(values.reshape(-1)[0])
        return jnp.asarray(values.astype(np.int32))[self._index[axis]]


def fetch(tile: Tile, x, have: list[Span], want: list[Span], fill=None):
    """Returns the wanted part of an array of which a part is stored.

    Args:
      tile: The tile.
      x: The stored part.
      have: The interval of each axis that is stored.
      want: The interval of each axis that is wanted.
      fill: The value of positions that are not stored. None if there are none.
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
            raise ValueError(f"part {want} is invalid: expected a part of {have}.")
        x = lax.pad(x, jnp.asarray(fill, x.dtype), pads)
    if tuple(sizes) == x.shape:
        return x
    if all(isinstance(start, int) for start in starts):
        stops = [a + n for a, n in zip(starts, sizes, strict=True)]
        return lax.slice(x, starts, stops)
    return lax.dynamic_slice(x, [jnp.int32(start) for start in starts], sizes)


def inside(tile: Tile, span: Span, first: Any, last: Any):
    """Returns which positions of an interval are in another one, booleans [length].

    Args:
      tile: The tile.
      span: The interval.
      first: The first position of the other interval, an integer or one per tile.
      last: The position after its last one.
    """
    position = np.arange(span.length)
    low = tile.number(np.asarray(first) - np.asarray(span.start), span.axis)
    high = tile.number(np.asarray(last) - np.asarray(span.start), span.axis)
    return (position >= low) & (position < high)
