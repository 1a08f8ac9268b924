"""Being asked to stop: signals and lost output set a flag that the loop reads."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType

import jax


class Stopped(Exception):
    """The run was asked to stop, and has saved a checkpoint."""

    def __init__(self, step: int, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name} at step {step}")
        self.step = step
        self.exit_status = 128 + number


class StopRequests:
    """While active, the first SIGTERM, SIGINT or SIGHUP is noted.

    A second SIGINT interrupts. Signals that the program was told to ignore, as `nohup`
    does for SIGHUP, stay ignored. `asked` is another source of requests: it returns
    the number of a signal, or None.

    With several processes SIGTERM is left to jax's preemption service, which makes all
    of them agree on the step to stop at (`Checkpoints.preempted`); other requests are
    passed on to it.
    """

    def __init__(self, asked: Callable[[], int | None] = lambda: None) -> None:
        self._asked = asked
        self._number: int | None = None
        self._previous: dict[int, object] = {}
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
        """The signal that asks to stop, None if none does."""
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
