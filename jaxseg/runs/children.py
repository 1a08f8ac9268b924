"""Runs child processes and stops them when their parent is asked to stop.

A parent that dies at once leaves running children, which continue to own what they have
locked. Here the signal is passed on, and the parent ends after its children.
"""

from __future__ import annotations

import signal
import subprocess
import threading
from types import FrameType
from typing import Any


class Children:
    """Runs child processes, from any thread.

    While active, the first SIGTERM or SIGHUP is passed on to those that run, no other
    one is started, and SystemExit with the status 128 + its number is raised in the
    main thread, which must then wait for the threads. Signals that the program was told
    to ignore, as `nohup` does for SIGHUP, stay ignored.
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
        """Runs a program to its end.

        Args:
          command: The program and its arguments.
          **options: As of `subprocess.Popen`.

        Returns:
          The exit status; 128 + the number of the signal when one came before it was
          started.
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
