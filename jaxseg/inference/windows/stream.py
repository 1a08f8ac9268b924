"""Runs a network on the windows of an image and yields rows as they are finished.

Only a band of rows is held: a row is yielded as soon as no later window changes it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from jaxseg.inference.windows.grid import Grid, Window
from jaxseg.inference.windows.host_band import CHUNK, Place

Run = Callable[[Sequence[Window]], Any]


class Rows(NamedTuple):
    """Contains finished rows of the result.

    Attributes:
      first: The number of the first row.
      values: The rows, [n, W, ...], an array of the host or of the device.
    """

    first: int
    values: Any


class Band(Protocol):
    """Defines the rows of the result that windows still change."""

    def add(self, values: Any, places: Sequence[Place]) -> None:
        """Adds the outputs of windows."""

    def take(self, first: int, last: int) -> Any:
        """Returns finished rows."""

    def drop(self, row: int) -> None:
        """Removes the rows above a row."""


def stream(
    grid: Grid, run: Run, band: Band, *, batch: int, start: int = 0
) -> Iterator[Rows]:
    """Runs a network on all windows and yields the finished rows, from top to bottom.

    Args:
      grid: The windows.
      run: A function from `batch` windows to their outputs, [batch, h, w, ...], where h
        and w are `grid.output`. It is called for the next batch before the outputs of
        the last one are used, so that a device does not wait.
      band: A new band, which combines the outputs.
      batch: The number of windows in a call of `run`. Copies of its last window fill
        the last batch.
      start: The number of rows that are finished already and are not computed.

    Yields:
      Rows from `start` on, in groups of at most 32, each row once.
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
    """Yields the outputs of batches; the next batch already runs meanwhile."""
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
