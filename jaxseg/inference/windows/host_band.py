"""Holds the sums over overlapping windows in memory or in a memory-mapped file.

The windows of an image are processed from top to bottom. A band is an array of those
rows of the result to which later windows may still contribute. `add` adds the outputs
of windows, `take` returns finished rows, and `drop` makes room for the next rows.
`jaxseg.inference.windows.device_band` holds such a band on an accelerator.
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
    """States to which window of the grid an output of a batch belongs.

    Attributes:
      index: The index of the output in the batch.
      row: The index in `Grid.rows` of the rows of the window.
      column: The index in `Grid.columns` of the columns of the window.
    """

    index: int
    row: int
    column: int


def band_height(grid: Grid) -> int:
    """Returns the number of image rows whose sums must be held at the same time.

    Args:
      grid: The windows of the image.
    """
    return max(span.keep[1] - span.keep[0] for span in grid.rows)


def band_bytes(grid: Grid, classes: int) -> int:
    """Returns the memory for the sums over overlapping windows, in bytes.

    Args:
      grid: The windows of the image.
      classes: The number of float32 values per pixel.
    """
    return band_height(grid) * grid.size[1] * classes * 4


class HostBand:
    """Holds the unfinished rows of the result in memory or in a memory-mapped file."""

    def __init__(self, grid: Grid, *, folder: Path | None = None) -> None:
        """Computes the weights of the windows.

        The first call of `add` allocates the band.

        Args:
          grid: The windows of the image.
          folder: The folder of the memory-mapped file, or None for main memory.
        """
        self._grid, self._folder = grid, folder
        self._weights = [span_weights(grid, axis) for axis in (0, 1)]
        self._totals = totals(grid)
        self._base = 0
        self._band: np.ndarray | None = None
        self._map: mmap.mmap | None = None

    def add(self, values: Any, places: Sequence[Place]) -> None:
        """Adds the weighted outputs of windows to the unfinished rows.

        Args:
          values: The outputs of a batch of windows, [B, h, w, ...].
          places: The index of each output to add, and the window to which it belongs.
        """
        values = np.asarray(values)
        if self._band is None:
            self._base = self._grid.rows[places[0].row].keep[0]
            self._band = self._allocate(values)
        for place in places:
            self._add(values[place.index], place)
        self._release()

    def take(self, first: int, last: int) -> np.ndarray:
        """Returns the rows `first` to `last - 1` of the result, [n, W, ...].

        Call this only for rows to which no later window contributes. The sum at each
        pixel is divided by the sum of the weights of all windows over the pixel.
        """
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
        """Removes finished rows from memory to make room for later ones.

        Args:
          row: The number of the first row of the image that stays in memory.
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
