"""Being asked to stop: SIGTERM and SIGINT set a flag that the loop reads."""

from __future__ import annotations

import signal
import threading
from types import FrameType

import jax


class Stopped(Exception):
    """The run was asked to stop, and has saved a checkpoint."""

    def __init__(self, step: int, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name} at step {step}")
        self.step = step
        self.exit_status = 128 + number


class StopRequests:
    """While active, the first SIGTERM or SIGINT is noted, a second SIGINT interrupts.

    With several hosts SIGTERM is left to jax's preemption service, which makes all
    hosts agree on the step to stop at (`Checkpoints.preempted`).
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._previous: dict[int, object] = {}

    def __enter__(self) -> StopRequests:
        own_thread = threading.current_thread() is threading.main_thread()
        if own_thread and not jax.distributed.is_initialized():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def __bool__(self) -> bool:
        return self.number is not None

    def _note(self, number: int, _: FrameType | None) -> None:
        if self.number is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.number = number
