"""Shows the progress of a prediction: a bar on terminals, and lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from jaxseg.cli.verbosity import is_quiet, note
from jaxseg.tasks.prediction import FileResult
from jaxseg.text import as_message

INTERVAL = 10.0  # The number of seconds between two lines about the pace.
LISTED = 20  # Up to this number of inputs, the files are listed instead.


class Pace:
    """Measures how many inputs are finished per second.

    The time until the first result does not count, because it contains the compilation.

    Args:
      total: The number of inputs.
      noun: The word for one input, such as "image".
      clock: Returns the time in seconds.
    """

    def __init__(
        self, total: int, noun: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.total, self.done = total, 0
        self._noun, self._clock, self._first = noun, clock, 0.0

    def advance(self, count: int = 1) -> None:
        """Counts further finished inputs."""
        if not self.done:
            self._first = self._clock()
        self.done += count

    def __str__(self) -> str:
        """Returns a text such as `3.2 images/s  eta 0:00:19`."""
        elapsed = self._clock() - self._first
        if self.done < 2 or elapsed < 1e-3:
            return "compiling"
        rate = (self.done - 1) / elapsed
        left = int((self.total - self.done) / rate + 0.5)
        eta = f"{left // 3600}:{left // 60 % 60:02}:{left % 60:02}"
        return f"{rate:.3g} {self._noun}s/s  eta {eta}"


class Shows(Protocol):
    """Shows the progress after each result."""

    def advanced(self, result: FileResult) -> None:
        """Shows that one more input is finished, or that inputs have failed."""


class Lines:
    """Prints the files of a few inputs, or the pace of many every few seconds."""

    def __init__(self, pace: Pace) -> None:
        self._pace, self._next = pace, time.monotonic() + INTERVAL

    def advanced(self, result: FileResult) -> None:
        """Prints a line, unless the last one was printed a short time ago."""
        pace = self._pace
        if pace.total <= LISTED:
            if result.error is None:
                line = f"{result.paths[0]} -> {result.written}"
                note(line)
        elif time.monotonic() >= self._next:
            note(f"{pace.done}/{pace.total}  {pace}")
            self._next = time.monotonic() + INTERVAL


class Bar:
    """Shows a progress bar with the pace and the remaining time."""

    def __init__(self, pace: Pace, progress: Progress) -> None:
        self._pace, self._progress = pace, progress
        self._task = progress.add_task("", total=pace.total, pace="compiling")

    def advanced(self, result: FileResult) -> None:
        """Moves the bar."""
        pace = self._pace
        self._progress.update(self._task, completed=pace.done, pace=str(pace))


@contextlib.contextmanager
def shown(pace: Pace) -> Iterator[Shows]:
    """Yields the object that shows the progress on standard output.

    Args:
      pace: Counts the results.
    """
    if is_quiet() or not sys.stdout.isatty():
        yield Lines(pace)
        return
    columns = BarColumn(30), MofNCompleteColumn(), TextColumn("{task.fields[pace]}")
    with Progress(*columns, console=Console()) as progress:
        yield Bar(pace, progress)


def follow(results: Iterable[FileResult], pace: Pace) -> int:
    """Shows the progress while results arrive, and prints the errors.

    Args:
      results: The result of each input file.
      pace: Counts the results.

    Returns:
      The number of failed inputs.
    """
    failed = 0
    with shown(pace) as view:
        for result in results:
            pace.advance(len(result.paths))
            if result.error is not None:
                failed += len(result.paths)
                print(f"jaxseg: {as_message(result.error)}", file=sys.stderr)
            view.advanced(result)
    return failed
