"""Divides the lines of an image among rows and columns of tiles."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jaxseg.analysis.regions.arrays import Span


class Tiles(NamedTuple):
    """Contains the number of rows and columns of tiles.

    Attributes:
      rows: The number of tiles along the rows of the image.
      columns: The number of tiles along its columns.
    """

    rows: int
    columns: int

    def part(self, axis: str, size: int) -> Span:
        """Returns the disjoint intervals into which the tiles divide a line.

        The intervals of a span have equal lengths, so neighbors can overlap here;
        `bounds` returns the disjoint ones.
        """
        first, last = self.bounds(axis, size)
        length = int((last - first).max())
        return Span(axis, np.minimum(first, size - length), length)

    def bounds(self, axis: str, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns the first and the last position, plus 1, of each interval."""
        count = getattr(self, axis)
        ends = np.arange(count + 1) * size // count
        return ends[:-1], ends[1:]
