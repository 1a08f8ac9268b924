"""Times of several programs, interleaved in one process, and who else was running.

Each round gives every contestant a turn, in an order that rotates, so that a slow
minute of the machine falls on all of them. A turn starts with a pause, in which the
threads of the previous contestant stop spinning, and with an untimed run where a run is
short, which wakes this one's own. The share of the machine's cores that other
processes took during a row is read from the kernel; a fixed array program, the
sentinel, is one of the contestants. Where either is out of line the row is marked
`contaminated`: contention hurts thread pools that spin far more than others, and
ratios of such rows mean nothing.
"""

from __future__ import annotations

import dataclasses
import gc
import os
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

BUSY = 0.06  # share of the cores that other processes may take
SLOWER = 1.2  # how much slower than at its best the sentinel may run
PAUSE = 0.004  # seconds between turns
SHORT = 0.05  # seconds: a shorter run is preceded by an untimed one
TURN = 0.01  # seconds: runs are repeated within a turn until it is this long


@dataclasses.dataclass(frozen=True)
class Limits:
    """How long a row may take.

    Attributes:
      seconds: of timed rounds; once they have passed, rounds end.
      least, most: number of rounds, whatever `seconds` says.
      warm: untimed rounds before.
    """

    seconds: float = 6.0
    least: int = 5
    most: int = 40
    warm: int = 2


QUICK = Limits(seconds=0.5, least=2, most=5, warm=1)


class Sentinel:
    """A fixed NumPy program of one thread, and its best median so far."""

    def __init__(self) -> None:
        self.values = np.linspace(-3, 3, 500_000, dtype=np.float32)
        times = interleave({"": self}, Limits(0.5, 20, 60))[""]
        self.best = statistics.median(times)

    def __call__(self) -> None:
        np.tanh(self.values)

    def slowdown(self, times: list[float]) -> float:
        """Median of `times` over the best median so far."""
        now = statistics.median(times)
        self.best = min(self.best, now)
        return now / self.best


@dataclasses.dataclass(frozen=True)
class Measured:
    """Times of a row's contestants in seconds, and what else ran.

    Attributes:
      times: by contestant, one per round.
      others: share of all cores taken by other processes, 0 to 1; None if unknown.
      sentinel: slowdown of the sentinel.
    """

    times: dict[str, list[float]]
    others: float | None
    sentinel: float

    @property
    def contaminated(self) -> bool:
        """Whether something else ran beside: do not believe the ratios."""
        return (self.others or 0) > BUSY or self.sentinel > SLOWER

    def summary(self) -> dict[str, dict[str, float]]:
        """Milliseconds by contestant: median, min, rounds."""
        return {
            name: {
                "median_ms": 1e3 * statistics.median(times),
                "min_ms": 1e3 * min(times),
                "rounds": len(times),
            }
            for name, times in self.times.items()
        }


def measure(
    contestants: Mapping[str, Callable[[], None]], limits: Limits, sentinel: Sentinel
) -> Measured:
    """Warm-up, then rounds with the sentinel among the contestants.

    A contestant returns when its result is there (`block_until_ready`, synchronize).
    """
    for _ in range(limits.warm):
        for run in contestants.values():
            run()
    start = _cpu_seconds()
    times = interleave({**contestants, "sentinel": sentinel}, limits)
    slowdown = sentinel.slowdown(times.pop("sentinel"))
    return Measured(times, _share_of_others(start, _cpu_seconds()), slowdown)


def interleave(
    contestants: Mapping[str, Callable[[], None]], limits: Limits
) -> dict[str, list[float]]:
    """Seconds of each run, by contestant; garbage collection waits meanwhile."""
    names = list(contestants)
    times: dict[str, list[float]] = {name: [] for name in names}
    end = time.perf_counter() + limits.seconds
    gc.collect()
    gc.disable()
    try:
        for turn in range(limits.most):
            if turn >= limits.least and time.perf_counter() > end:
                break
            shift = turn % len(names)
            for name in names[shift:] + names[:shift]:
                expected = min(times[name], default=0.0)
                times[name].append(_turn(contestants[name], expected))
    finally:
        gc.enable()
    return times


def _turn(run: Callable[[], None], expected: float) -> float:
    """Seconds per run, after a pause and, for a short run, an untimed one."""
    time.sleep(PAUSE)
    if expected < SHORT:
        run()
    repeat = max(1, round(TURN / expected)) if expected else 1
    start = time.perf_counter()
    for _ in range(min(repeat, 20)):
        run()
    return (time.perf_counter() - start) / min(repeat, 20)


def _cpu_seconds() -> tuple[float, float, float] | None:
    """(now, busy seconds of all cores, of this process); None where unknown."""
    try:
        fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    except OSError:
        return None
    ticks = [int(field) for field in fields]
    idle = ticks[3] + ticks[4]
    own = os.times()
    busy = (sum(ticks) - idle) / os.sysconf("SC_CLK_TCK")
    return time.perf_counter(), busy, own.user + own.system


def _share_of_others(start, end) -> float | None:
    if start is None or end is None:
        return None
    elapsed, busy, own = (b - a for a, b in zip(start, end, strict=True))
    return max(0.0, (busy - own) / (elapsed * (os.cpu_count() or 1)))
