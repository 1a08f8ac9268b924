"""Averages the training metrics between log lines, and measures the speed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

import jax

LAST = ("learning_rate",)  # The last value is logged, not the mean.
CLOCKS = (  # These fields depend on the machine and on restarts.
    "images_per_second",
    "steps_per_second",
    "flops_per_second",
    "mfu",
    "input_wait",
    "device_memory_peak",
    "host_memory_peak",
    "programs",
    "compiled",
    "measuring_seconds",
    "measuring_share",
)


class Meter:
    """Averages the metrics of the steps between two log lines, and measures the speed.

    The steps between two log lines are a window. A checkpoint stores the sums of an
    unfinished window, so that a resumed run continues it. The clock starts after the
    first step of the process, so that compilation is excluded. It is paused during
    evaluation and saving.

    Args:
      batch_size: The number of images per step.
      window: The sums of an unfinished window, from a checkpoint.
      peak: The peak operations per second of all devices, or None if unknown.
    """

    def __init__(
        self, batch_size: int, *, window: Mapping[str, Any], peak: float | None = None
    ) -> None:
        self.flops: float | None = None  # operations of a step, or None if unknown
        self._batch_size = batch_size
        self._peak = peak
        self._count = window.get("count", 0)
        self._sums: dict[str, float] = dict(window.get("sums", {}))
        self._last: dict[str, float] = dict(window.get("last", {}))
        self._started: float | None = None
        self._steps = 0
        self._off = 0.0  # seconds that were paused
        self._wait = 0.0  # seconds that were spent waiting for input
        self._blocked = 0.0  # seconds that were spent waiting for devices

    @property
    def window(self) -> dict[str, Any]:
        """Returns the state of the unfinished window, for a checkpoint.

        The result is a dictionary that JSON can store. It contains the number of steps
        since the last log line, the sums of their metrics, and the last values of the
        metrics that are not averaged.
        """
        return {
            "count": self._count,
            "sums": dict(self._sums),
            "last": dict(self._last),
        }

    def add(self, values: Mapping[str, float]) -> None:
        """Adds the metrics of one step to the sums of the current window."""
        self._count += 1
        for name, value in values.items():
            if name in LAST:
                self._last[name] = value
            else:
                self._sums[name] = self._sums.get(name, 0.0) + value
        if self._started is None:
            self._restart()
        else:
            self._steps += 1

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Returns a context manager whose duration counts as waiting for a batch."""
        start = time.perf_counter()
        yield
        self._wait += time.perf_counter() - start

    def read(self, metrics: Mapping[str, jax.Array]) -> dict[str, float]:
        """Copies the metrics of a step to the host, and counts the time of waiting.

        Args:
          metrics: Scalars by name. They are known when the devices have finished the
            step.
        """
        start = time.perf_counter()
        values = {name: float(x) for name, x in jax.device_get(metrics).items()}
        self._blocked += time.perf_counter() - start
        return values

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Returns a context manager whose duration is not part of the measured time."""
        start = time.perf_counter()
        yield
        self._off += time.perf_counter() - start

    def host_times(self) -> tuple[float, float] | None:
        """Returns how this host has spent its time since the last log line.

        The result is a pair: the seconds per step in which the host did not wait for
        the devices, and the fraction of the time that it spent waiting for batches. If
        no step was timed, the result is None.
        """
        if self._started is None or not self._steps:
            return None
        seconds = max(time.perf_counter() - self._started - self._off, 1e-9)
        own = max(seconds - self._blocked, 0.0)
        return own / self._steps, min(self._wait / seconds, 1.0)

    def line(self) -> dict[str, float]:
        """Returns a dictionary of the values for a log line, and starts a new window.

        The values are the means of the metrics, `steps_per_second`,
        `images_per_second`, and `input_wait`, the fraction of the time that was spent
        waiting for batches. If the number of operations of a step is known, the result
        also contains `flops_per_second`. If the peak is known as well, it contains
        `mfu` (the model FLOPs utilization), `flops_per_second` divided by the peak. If
        no step was timed, the result contains only the means.
        """
        values = {name: total / self._count for name, total in self._sums.items()}
        values |= self._last
        if "labeled" in values:  # The log shows the quotient of these counts.
            labeled, correct = values.pop("labeled"), values.pop("correct")
            values["accuracy"] = correct / max(labeled, 1.0)
        if self._started is not None and self._steps:
            seconds = max(time.perf_counter() - self._started - self._off, 1e-9)
            values |= self._speeds(self._steps / seconds)
            values["input_wait"] = min(self._wait / seconds, 1.0)
        self._count, self._sums, self._last = 0, {}, {}
        if self._started is not None:
            self._restart()
        return values

    def _speeds(self, pace: float) -> dict[str, float]:
        values = {
            "steps_per_second": pace,
            "images_per_second": pace * self._batch_size,
        }
        if self.flops is not None:
            values["flops_per_second"] = pace * self.flops
            if self._peak is not None:
                values["mfu"] = pace * self.flops / self._peak
        return values

    def _restart(self) -> None:
        self._started = time.perf_counter()
        self._steps = 0
        self._off = self._wait = self._blocked = 0.0
