"""Shows how far a long command is: a bar on terminals, and lines in logs and notebooks.

With --quiet, nothing is shown. The progress of training is not shown by this module but
by `jaxseg.cli.progress`, because it also contains metrics.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as RichBar

from jaxseg.cli.verbosity import is_quiet, note

INTERVAL = 10.0  # The least number of seconds between two lines.


class Advance(Protocol):
    """Protocol of a function that adds finished items and then shows the progress."""

    def __call__(self, count: int = 1) -> None: ...


Progress = Callable[[int], Advance]  # It takes the number of items.


class Pace:
    """Measures how many items are finished per second.

    The time until the first item is finished does not count, because it includes the
    compilation.

    Args:
      total: The number of items.
      noun: The word for one item, such as "image".
      clock: Returns the time in seconds.
    """

    def __init__(
        self, total: int, noun: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.total, self.done = total, 0
        self._noun, self._clock = noun, clock
        self._first = (0, 0.0)  # The items and the time after the first call.
        self._lock = threading.Lock()

    def advance(self, count: int = 1) -> None:
        """Counts further finished items. Several threads may call it."""
        with self._lock:
            if not self.done:
                self._first = count, self._clock()
            self.done += count

    def __str__(self) -> str:
        """Returns a text such as `3.2 images/s  eta 0:00:19`."""
        before, start = self._first
        elapsed = self._clock() - start
        if self.done <= before or elapsed < 1e-3:
            return "starting"
        rate = (self.done - before) / elapsed
        left = int(max(0, self.total - self.done) / rate + 0.5)
        eta = f"{left // 3600}:{left // 60 % 60:02}:{left % 60:02}"
        return f"{rate:.3g} {self._noun}s/s  eta {eta}"


@contextlib.contextmanager
def counting(noun: str, *, silent: bool = False) -> Iterator[Progress]:
    """Returns a context manager that shows on standard error how many items are done.

    Standard output remains free for the results.

    Args:
      noun: The word for one item, such as "image".
      silent: Whether to show nothing, as in all processes of a run but the first.

    Yields:
      A function that takes the total number of items and returns a second function.
      Call the second function whenever items are finished. Its argument is the number
      of items that were finished since the last call, by default 1.
    """
    with contextlib.ExitStack() as opened:

        def started(total: int) -> Advance:
            pace = Pace(total, noun)
            show = opened.enter_context(showing(pace, sys.stderr, transient=True))

            def advance(count: int = 1) -> None:
                pace.advance(count)
                if not silent:
                    show()

            return advance

        yield started


@contextlib.contextmanager
def showing(
    pace: Pace, file: TextIO, *, transient: bool = False
) -> Iterator[Callable[[], None]]:
    """Returns a context manager that shows the progress while its block runs.

    Args:
      pace: The object that counts the finished items and measures their speed.
      file: The stream on which the progress is shown.
      transient: Whether the bar is removed at the end.

    Yields:
      A function that shows the present count. Call it after each finished item.
    """
    if is_quiet():
        yield lambda: None
    elif not is_terminal(file):
        yield _lines(pace, file)
    else:
        columns = BarColumn(30), MofNCompleteColumn(), TextColumn("{task.fields[pace]}")
        with RichBar(*columns, console=Console(file=file), transient=transient) as bar:
            task = bar.add_task("", total=pace.total, pace=str(pace))
            yield lambda: bar.update(task, completed=pace.done, pace=str(pace))


def is_terminal(file: TextIO) -> bool:
    """Returns whether a progress bar can be drawn on a stream.

    The result is False if the stream is not a terminal, for example in a notebook.
    """
    console = Console(file=file)
    return file.isatty() and not console.is_dumb_terminal


def _lines(pace: Pace, file: TextIO) -> Callable[[], None]:
    """Returns a function that prints a line every few seconds."""
    last = time.monotonic()

    def show() -> None:
        nonlocal last
        if time.monotonic() - last >= INTERVAL and pace.done < pace.total:
            last = time.monotonic()
            note(f"{pace.done}/{pace.total}  {pace}", file=file)

    return show
