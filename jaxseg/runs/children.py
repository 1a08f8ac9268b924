"""Runs child processes and stops them when this process receives a stop signal.

If the parent process ended immediately, its children would keep running and keep their
locks. Therefore the parent forwards the signal to its children and ends after they have
ended.
"""

from __future__ import annotations

import signal
import subprocess
import threading
from types import FrameType
from typing import Any


class Children:
    """Runs child processes, and forwards stop signals to them.

    The class is a context manager, and any thread may start children in its block.
    When the first SIGTERM or SIGHUP arrives in the block, three things happen: the
    signal is forwarded to all running children, no further child is started, and
    SystemExit with the status 128 + signal number is raised in the main thread. The
    main thread must wait for the other threads before it exits. A signal that was
    already ignored before the block, such as SIGHUP under `nohup`, stays ignored.
    """

    def __init__(self) -> None:
        self._running: set[subprocess.Popen] = set()
        self._starting = threading.Lock()
        self._number: int | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Children:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGHUP):
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._previous[number] = signal.signal(number, self._pass_on)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def run(self, command: list[str], **options: Any) -> int:
        """Starts a program and waits until it ends.

        Args:
          command: The program and its arguments.
          **options: Keyword arguments of `subprocess.Popen`.

        Returns:
          The exit status of the program, or 128 + signal number if a signal arrived
          before the program was started.
        """
        with self._starting:
            if self._number is not None:
                return 128 + self._number
            child = subprocess.Popen(command, **options)
            self._running.add(child)
        try:
            return child.wait()
        finally:
            self._running.discard(child)

    def _pass_on(self, number: int, _: FrameType | None) -> None:
        if self._number is not None:
            return
        with self._starting:  # only other threads hold it, for moments
            self._number = number
        for child in tuple(self._running):
            child.send_signal(number)
        raise SystemExit(128 + number)
