"""Standard output and error whose reader may go away: `| head`, a closed terminal.

Python raises an error in the middle of a `print` then, and a second one when it ends.
Here a command ends quietly instead, with the status that a shell would report, and a
training can finish its step and save.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any, TextIO

_GONE = {errno.EPIPE: signal.SIGPIPE, errno.EIO: signal.SIGHUP}


class OutputClosed(SystemExit):
    """The reader of standard output or error is gone; `code` is the exit status.

    As a SystemExit it ends a thread or the program without a traceback.
    """


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Within the block, writing to output that nobody reads raises OutputClosed.

    Raises:
      OutputClosed: With 128 + the number of the signal: SIGPIPE for a closed pipe,
        SIGHUP for a closed terminal.
    """

    def end(error: OSError) -> None:
        number = _GONE.get(error.errno)
        if number is None:
            raise error
        raise OutputClosed(128 + number) from error

    with _replaced(end):
        yield
        sys.stdout.flush()
        sys.stderr.flush()


@contextlib.contextmanager
def tolerant() -> Iterator[Callable[[], int | None]]:
    """Within the block, output that cannot be written is dropped.

    Yields:
      A function that tells whether that happened: the number of the signal that it
      amounts to, None while all output was written. It stays None for a program that
      was told to survive its terminal (`nohup`).
    """
    found: list[int] = []
    survives = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN

    def note(error: OSError) -> None:
        found.append(_GONE.get(error.errno, signal.SIGHUP))

    with _replaced(note):
        yield lambda: found[0] if found and not survives else None


@contextlib.contextmanager
def _replaced(failed: Callable[[OSError], None]) -> Iterator[None]:
    """Puts a guard around both streams; `failed` gets what writing raises."""
    before = sys.stdout, sys.stderr
    guards = [_Guard(stream, failed) for stream in before]
    sys.stdout, sys.stderr = guards
    try:
        yield
    finally:
        if sys.stdout is guards[0]:
            sys.stdout = before[0]
        if sys.stderr is guards[1]:
            sys.stderr = before[1]


class _Guard:
    """A text stream; everything but writing is done by the one that it stands for."""

    def __init__(self, stream: TextIO, failed: Callable[[OSError], None]) -> None:
        self._stream = stream
        self._failed = failed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Writes; what cannot be written is lost."""
        try:
            return self._stream.write(text)
        except (OSError, OutputClosed) as error:
            self._lose(error)
            return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Writes lines that have their ends."""
        self.write("".join(lines))

    def flush(self) -> None:
        """Writes what is buffered."""
        try:
            self._stream.flush()
        except (OSError, OutputClosed) as error:
            self._lose(error)

    def _lose(self, error: OSError | OutputClosed) -> None:
        """What is still buffered must not fail again when the program ends."""
        if isinstance(error, OutputClosed):  # of a guard around which this one stands
            error = error.__cause__
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
        self._failed(error)
