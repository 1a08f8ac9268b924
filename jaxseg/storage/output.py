"""Handles errors that occur while standard output or standard error is written.

Writing fails if the program that reads the output has ended, as in `jaxseg ... | head`,
or if the terminal was closed. Python then raises an error inside `print`, and a second
one when the interpreter exits. With `guarded`, a command ends without a traceback and
with the exit status that the shell expects. With `tolerant`, a training run finishes
its step and saves a checkpoint first.
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
    """Is raised when standard output or standard error can no longer be written.

    The attribute `code` is the exit status. The class derives from SystemExit, so the
    exception ends a thread or the program without a traceback.
    """


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Returns a context manager that raises OutputClosed if output cannot be written.

    Raises:
      OutputClosed: With the code 128 + the number of the signal, which is SIGPIPE for a
        closed pipe and SIGHUP for a closed terminal.
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
    """Returns a context manager whose block continues if output cannot be written.

    Such output is discarded.

    Yields:
      A function that returns None as long as no output was discarded. Afterwards it
      returns the number of the signal that matches the error: SIGPIPE or SIGHUP. It
      always returns None if the program ignores SIGHUP, as under `nohup`.
    """
    found: list[int] = []
    survives = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN

    def note(error: OSError) -> None:
        found.append(_GONE.get(error.errno, signal.SIGHUP))

    with _replaced(note):
        yield lambda: found[0] if found and not survives else None


@contextlib.contextmanager
def _replaced(failed: Callable[[OSError], None]) -> Iterator[None]:
    """Wraps both streams in guards, which pass errors of writing to `failed`."""
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
    """Wraps a text stream and handles its errors of writing."""

    def __init__(self, stream: TextIO, failed: Callable[[OSError], None]) -> None:
        self._stream = stream
        self._failed = failed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Writes text and discards it if that fails."""
        try:
            return self._stream.write(text)
        except (OSError, OutputClosed) as error:
            self._lose(error)
            return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Writes lines that contain their line ends."""
        self.write("".join(lines))

    def flush(self) -> None:
        """Writes the buffered text."""
        try:
            self._stream.flush()
        except (OSError, OutputClosed) as error:
            self._lose(error)

    def _lose(self, error: OSError | OutputClosed) -> None:
        """Redirects the stream to nowhere and reports the error.

        The buffered text must not raise the error again when the program ends.
        """
        if isinstance(error, OutputClosed):  # An inner guard raised it.
            error = error.__cause__
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
        self._failed(error)
