"""Divides the rows and columns of an array among tiles."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jaxseg.analysis.regions.arrays import Span


class Tiles(NamedTuple):
    """Contains the number of rows and columns of the grid of tiles over an image.

    Attributes:
      rows: The number of rows of tiles.
      columns: The number of columns of tiles.
    """

    rows: int
    columns: int

    def part(self, axis: str, size: int) -> Span:
        """Divides an axis into one interval for each row or column of tiles.

        The intervals have equal lengths. Neighbors therefore overlap if the size is not
        divisible by the number of intervals. `bounds` returns intervals that do not
        overlap.

        Args:
          axis: "rows" or "columns".
          size: The number of positions on the axis.

        Returns:
          One `Span`, whose `start` is the array of the intervals' first positions.
        """
        first, last = self.bounds(axis, size)
        length = int((last - first).max())
        return Span(axis, np.minimum(first, size - length), length)

    def bounds(self, axis: str, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Divides an axis into intervals that do not overlap.

        Args:
          axis: "rows" or "columns": one interval for each row or column of tiles.
          size: The number of positions on the axis.

        Returns:
          A pair of arrays: the first position of each interval, and the position after
          its last one.
        """
        count = getattr(self, axis)
        ends = np.arange(count + 1) * size // count
        return ends[:-1], ends[1:]
