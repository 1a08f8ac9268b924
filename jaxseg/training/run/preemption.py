"""Handles requests to stop, which come from signals or from a closed output stream."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import jax


class Stopped(Exception):
    """Is raised when a run stops on request, after it has saved a checkpoint."""

    def __init__(self, step: int, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name} at step {step}")
        self.step = step
        self.exit_status = 128 + number


class StopRequests:
    """Is a context manager that records the first SIGTERM, SIGINT or SIGHUP.

    A second SIGINT interrupts the run. Signals that the program ignores, as under
    `nohup`, stay ignored.

    With several processes, the preemption service of JAX handles SIGTERM, so that all
    processes stop at the same step (`Checkpoints.preempted`). Other requests to stop
    are passed on to that service.

    Args:
      asked: A function that reports requests which do not come from signals, such as
        a closed output stream. It returns the number of the signal that has the same
        effect, or None if there is no request.
    """

    def __init__(self, asked: Callable[[], int | None] = lambda: None) -> None:
        self._asked = asked
        self._number: int | None = None
        self._previous: dict[int, Any] = {}
        self._several = jax.distributed.is_initialized()

    def __enter__(self) -> StopRequests:
        if threading.current_thread() is threading.main_thread():
            alone = () if self._several else (signal.SIGTERM, signal.SIGINT)
            for number in (*alone, signal.SIGHUP):
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    @property
    def number(self) -> int | None:
        """Returns the number of the signal that asks the run to stop, or None."""
        if self._number is None and (number := self._asked()) is not None:
            self._note(number, None)
        return None if self._several else self._number

    def __bool__(self) -> bool:
        return self.number is not None

    def _note(self, number: int, _: FrameType | None) -> None:
        if self._number is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        if self._number is None and self._several:
            signal.raise_signal(signal.SIGTERM)
        self._number = number
