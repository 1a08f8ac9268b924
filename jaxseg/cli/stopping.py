"""Makes SIGTERM and SIGHUP end a command in the same way as Ctrl-C."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class Terminated(SystemExit):
    """Is raised in the main thread when a signal asks the command to stop.

    The attribute `code` is the exit status, 128 plus the number of the signal. The
    class derives from SystemExit, so that the command ends without a traceback.
    """


@contextlib.contextmanager
def raising_signals() -> Iterator[None]:
    """Returns a context manager that turns signals into the exception `Terminated`.

    If the process receives SIGTERM or SIGHUP inside the block, the exception is raised
    there. Signals that the program ignores, as under `nohup`, stay ignored. In a thread
    other than the main thread, the block has no effect.
    """
    previous = {}

    def stop(number: int, _: FrameType | None) -> None:
        raise Terminated(128 + number)

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                previous[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
