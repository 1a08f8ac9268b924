"""Runs a network on the windows of an image and yields finished rows of the result.

A row is yielded when no later window contributes to it, so that only the unfinished
rows, which form a band, are held.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from jaxseg.inference.windows.grid import Grid, Window
from jaxseg.inference.windows.host_band import CHUNK, Place

Run = Callable[[Sequence[Window]], Any]


class Rows(NamedTuple):
    """Contains consecutive finished rows of the result for an image.

    Attributes:
      first: The index in the image of the first of these rows.
      values: The rows, [n, W, ...], a NumPy array or an array on a device.
    """

    first: int
    values: Any


class Band(Protocol):
    """Protocol of an array of rows to which the outputs of windows are added."""

    def add(self, values: Any, places: Sequence[Place]) -> None:
        """Adds the outputs [B, h, w, ...] of the windows that `places` lists."""

    def take(self, first: int, last: int) -> Any:
        """Returns the finished rows `first` to `last - 1`, [n, W, ...]."""

    def drop(self, row: int) -> None:
        """Removes the rows before `row` from memory to make room for later ones."""


def stream(
    grid: Grid, run: Run, band: Band, *, batch: int, start: int = 0
) -> Iterator[Rows]:
    """Runs a network on all windows and yields the finished rows, from top to bottom.

    Args:
      grid: The windows of the image.
      run: A function from `batch` windows to their outputs, [batch, h, w, ...], where h
        and w are `grid.output`. It is called for the next batch before the outputs of
        the last one are used, so that a device does not wait.
      band: An empty band, in which the outputs of the windows are combined.
      batch: The number of windows in a call of `run`. If the last batch has fewer
        windows, it is filled with copies of its last window.
      start: The index of the first row of the image that is yielded.

    Yields:
      A `Rows` object for each group of at most 32 rows. Each row from `start` on is in
      one group.
    """
    todo = [k for k, span in enumerate(grid.rows) if span.keep[1] > start]
    if not todo:
        return
    current = todo[0]
    base = grid.rows[current].keep[0]
    for values, places in _outputs(grid, run, rows=todo, batch=batch):
        for row, group in itertools.groupby(places, key=lambda place: place.row):
            end = grid.rows[row].keep[0]
            if row != current and end > base:
                yield from _taken(band, first=max(base, start), last=end)
                band.drop(end)
                base = end
            current = row
            band.add(values, list(group))
    yield from _taken(band, first=max(base, start), last=grid.size[0])


def _taken(band: Band, *, first: int, last: int) -> Iterator[Rows]:
    for top in range(first, last, CHUNK):
        yield Rows(top, band.take(top, min(top + CHUNK, last)))


def _outputs(
    grid: Grid, run: Run, *, rows: Sequence[int], batch: int
) -> Iterator[tuple[Any, list[Place]]]:
    """Yields the outputs of each batch with the window to which each output belongs.

    The computation of the next batch is started before the outputs are yielded.
    """
    jobs = list(itertools.product(rows, range(len(grid.columns))))
    waiting = None
    for first in range(0, len(jobs), batch):
        chunk = jobs[first : first + batch]
        windows = [grid.window_at(*job) for job in chunk]
        values = run(windows + windows[-1:] * (batch - len(windows)))
        if waiting is not None:
            yield waiting
        waiting = values, [Place(k, *job) for k, job in enumerate(chunk)]
    yield waiting
