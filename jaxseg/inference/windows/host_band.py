"""Holds the sums over overlapping windows in memory or in a memory-mapped file.

A band contains the rows of the result that windows still change. `add` adds the outputs
of windows, `take` returns rows that no later window changes, and `drop` makes room for
the next rows. `jaxseg.inference.windows.device_band` does the same on the device.
"""

from __future__ import annotations

import math
import mmap
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxseg.inference.windows.blending import kept_output, span_weights, totals
from jaxseg.inference.windows.grid import Grid

CHUNK = 32  # The largest number of rows that are taken at once.


class Place(NamedTuple):
    """States the position of an output in a batch, and that of its window in the grid.

    Attributes:
      index: The index in the batch.
      row: The index of its span of rows.
      column: The index of its span of columns.
    """

    index: int
    row: int
    column: int


def band_height(grid: Grid) -> int:
    """Returns the largest number of rows that are unfinished at once.

    Args:
      grid: The windows.
    """
    return max(span.keep[1] - span.keep[0] for span in grid.rows)


def band_bytes(grid: Grid, classes: int) -> int:
    """Returns the memory that the sums of a band need, in bytes.

    Args:
      grid: The windows.
      classes: The number of float32 values per pixel.
    """
    return band_height(grid) * grid.size[1] * classes * 4


class HostBand:
    """Holds a band of rows in an array of the host, or in a memory-mapped file."""

    def __init__(self, grid: Grid, *, folder: Path | None = None) -> None:
        """Prepares the weights; the first outputs determine the size of the band.

        Args:
          grid: The windows.
          folder: The folder of the memory-mapped file. None selects the memory.
        """
        self._grid, self._folder = grid, folder
        self._weights = [span_weights(grid, axis) for axis in (0, 1)]
        self._totals = totals(grid)
        self._base = 0
        self._band: np.ndarray | None = None
        self._map: mmap.mmap | None = None

    def add(self, values: Any, places: Sequence[Place]) -> None:
        """Adds the outputs of windows.

        Args:
          values: The outputs, [B, h, w, ...].
          places: The outputs to add, in this order.
        """
        values = np.asarray(values)
        if self._band is None:
            self._base = self._grid.rows[places[0].row].keep[0]
            self._band = self._allocate(values)
        for place in places:
            self._add(values[place.index], place)
        self._release()

    def take(self, first: int, last: int) -> np.ndarray:
        """Returns the finished rows `first` to `last - 1`, [n, W, ...]."""
        rows = self._band[first - self._base : last - self._base]
        if self._grid.blend == "center":
            found = rows.copy()
        else:
            down, across = self._totals
            found = rows / down[first:last, None, None]
            found /= across[:, None]
        self._release()
        return found

    def drop(self, row: int) -> None:
        """Removes the rows above the row with this number.

        Args:
          row: The first row that is kept.
        """
        count, height = row - self._base, len(self._band)
        step = min(count, CHUNK)  # The blocks do not overlap.
        for top in range(0, height, step):
            end = min(top + step, height)
            kept = max(min(end, height - count), top)
            self._band[top:kept] = self._band[top + count : kept + count]
            self._band[kept:end] = 0
            self._release()
        self._base = row

    def _allocate(self, values: np.ndarray) -> np.ndarray:
        averaged = self._grid.blend != "center"
        dtype = np.dtype(np.float32) if averaged else values.dtype
        shape = (band_height(self._grid), self._grid.size[1], *values.shape[3:])
        if self._folder is None:
            return np.zeros(shape, dtype)
        with tempfile.TemporaryFile(dir=self._folder) as file:
            file.truncate(math.prod(shape) * dtype.itemsize)
            self._map = mmap.mmap(file.fileno(), 0)
        return np.frombuffer(self._map, dtype).reshape(shape)

    def _add(self, values: np.ndarray, place: Place) -> None:
        rows, columns = self._grid.rows[place.row], self._grid.columns[place.column]
        top, bottom = (end - self._base for end in rows.keep)
        part = self._band[top:bottom, slice(*columns.keep)]
        kept = kept_output(self._grid, rows, columns)
        values = values[kept]
        if self._grid.blend == "center":
            part[:] = values
            return
        if self._grid.blend != "uniform":
            down = self._weights[0][place.row, kept[0]]
            across = self._weights[1][place.column, kept[1]]
            values = values * (down[:, None] * across)[..., None]
        part += values

    def _release(self) -> None:
        """Writes changed pages to the file, so that they do not stay in memory."""
        if self._map is not None:
            self._map.madvise(mmap.MADV_DONTNEED)
