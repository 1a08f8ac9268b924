"""Times several programs alternately in one process, and detects contention.

The programs that are compared in one row of the benchmark are called contestants. In
each round, every contestant runs once, in an order that rotates, so that a slow minute
of the machine affects all of them. Before each run there is a pause, in which the
threads of the previous contestant stop busy-waiting. If runs are short, an untimed run
of the next contestant follows the pause, which wakes its threads.

Two measurements detect contention, that is, other processes that use the CPU during a
row. The operating system reports the share of all cores that other processes used, and
a fixed NumPy program, the sentinel, is timed along with the contestants. If the share
is too large or the sentinel too slow, the row is marked as `contaminated`. Its ratios
are then meaningless, because contention slows down some thread pools far more than
others.
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

BUSY = 0.06  # The share of the cores that other processes may take.
SLOWER = 1.2  # How much slower than at its best the sentinel may run.
PAUSE = 0.004  # Seconds between turns.
SHORT = 0.05  # Seconds; an untimed run precedes a shorter run.
TURN = 0.01  # Seconds; a turn repeats runs until it is this long.


@dataclasses.dataclass(frozen=True)
class Limits:
    """Contains limits on the time of one row of the benchmark's table.

    The programs that the row compares run in rounds. In a round, each of them runs
    once.

    Attributes:
      seconds: The time after which no further round begins.
      least: The smallest number of rounds, even if they take longer than `seconds`.
      most: The largest number of rounds.
      warm: The number of untimed rounds at the beginning.
    """

    seconds: float = 6.0
    least: int = 5
    most: int = 40
    warm: int = 2


QUICK = Limits(seconds=0.5, least=2, most=5, warm=1)


class Sentinel:
    """Runs a fixed NumPy program, whose time shows if other processes use the CPU.

    Attributes:
      best: The smallest median time of the program so far, in seconds.
    """

    def __init__(self) -> None:
        self.values = np.linspace(-3, 3, 500_000, dtype=np.float32)
        times = interleave({"": self}, Limits(0.5, 20, 60))[""]
        self.best = statistics.median(times)

    def __call__(self) -> None:
        np.tanh(self.values)

    def slowdown(self, times: list[float]) -> float:
        """Returns the factor by which the fixed NumPy program has become slower.

        Other processes that use the CPU slow the program down.

        Args:
          times: The times of the program, in seconds, during the measurement of one row
            of the benchmark's table.

        Returns:
          The median of `times` divided by the smallest median so far, at least 1.
        """
        now = statistics.median(times)
        self.best = min(self.best, now)
        return now / self.best


@dataclasses.dataclass(frozen=True)
class Measured:
    """Contains the times of the programs that a row of the benchmark compares.

    It also contains two measures of contention, that is, of how much other processes
    used the CPU meanwhile.

    Attributes:
      times: The times of each program in seconds, one for each round.
      others: The share of all cores that other processes used, 0 to 1, or None if it is
        unknown.
      sentinel: The median time of a fixed NumPy program in this row, divided by its
        smallest median so far.
    """

    times: dict[str, list[float]]
    others: float | None
    sentinel: float

    @property
    def contaminated(self) -> bool:
        """Returns whether other processes slowed the programs down.

        The ratios of the times are then meaningless. The result is True if `others`
        is above `BUSY` or `sentinel` is above `SLOWER`.
        """
        return (self.others or 0) > BUSY or self.sentinel > SLOWER

    def summary(self) -> dict[str, dict[str, float]]:
        """Summarizes the times of each program.

        Returns:
          A dictionary from the name of each program to its median time `median_ms`, its
          smallest time `min_ms`, both in milliseconds, and its number of rounds
          `rounds`.
        """
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
    """Times several functions alternately, after untimed rounds.

    A fixed computation, the sentinel, is timed as well. Its time shows whether other
    processes disturb the measurement. The result, a `Measured`, contains the times of
    each function and two measures of this disturbance.

    Args:
      contestants: A dictionary from names to the functions to compare. A function must
        wait until its result is computed (`block_until_ready`, `synchronize`) before it
        returns.
      limits: The time that this measurement may take.
      sentinel: The fixed computation, which all measurements of a benchmark share.
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
    """Times several programs in rotating order, with garbage collection turned off.

    Args:
      contestants: A dictionary from names to the programs to compare.
      limits: The time that this measurement may take.

    Returns:
      A dictionary from the name of each program to the times of its runs in seconds.
    """
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
    """Returns seconds per run, after a pause and, for short runs, an untimed run."""
    time.sleep(PAUSE)
    if expected < SHORT:
        run()
    repeat = max(1, round(TURN / expected)) if expected else 1
    start = time.perf_counter()
    for _ in range(min(repeat, 20)):  # A bound for functions that take microseconds.
        run()
    return (time.perf_counter() - start) / min(repeat, 20)


def _cpu_seconds() -> tuple[float, float, float] | None:
    """Returns (now, busy seconds of all cores, of this process), or None if unknown."""
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
