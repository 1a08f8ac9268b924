"""Records how much of the time of a run was spent on training steps (goodput).

A run on preemptible machines consists of several processes, one after another. Each
process appends lines to goodput.jsonl in the run directory. A line states how many
seconds the process has spent on each activity so far:

- loading: opening the data, building the network and restoring the checkpoint;
- compiling: the first training step;
- training: all other training steps;
- waiting: waiting for batches of the input pipeline;
- evaluating: evaluation, pictures of predictions, receptive-field measurements;
- saving: starting and finishing checkpoints.

From the lines of all processes, `read_goodput` computes two more activities:

- lost: steps that were done again after a restart;
- down: the time between the last line of a process and the start of the next process.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jaxseg.training.run.metric_reader import read_objects

GOODPUT = "goodput.jsonl"
ACTIVITIES = (
    *("loading", "compiling", "training", "waiting", "evaluating", "saving"),
    *("lost", "down"),
)


class Clock:
    """Divides the time of a process among activities, and writes goodput.jsonl.

    Args:
      workdir: The run directory, or None to write nothing.
      seconds: The seconds since the start of the process, which count as loading.
    """

    def __init__(self, workdir: str | Path | None, *, seconds: float = 0.0) -> None:
        self._path = None if workdir is None else Path(workdir) / GOODPUT
        self._now = time.monotonic()
        self._started = time.time() - seconds
        self._seconds = {"loading": seconds}
        self._activity = "loading"
        self._first_step = 0

    def resumed(self, step: int) -> None:
        """Sets the number of updates that were done before this process started."""
        self._first_step = step

    def switch(self, activity: str) -> None:
        """Counts the time from now on as the given activity."""
        now = time.monotonic()
        spent = self._seconds.get(self._activity, 0.0) + now - self._now
        self._seconds[self._activity] = spent
        self._activity, self._now = activity, now

    def spent(self, activity: str) -> float:
        """Returns the seconds that the process has spent on an activity so far."""
        self.switch(self._activity)
        return self._seconds.get(activity, 0.0)

    @contextlib.contextmanager
    def of(self, activity: str) -> Iterator[None]:
        """Returns a context manager whose block counts as the given activity."""
        before = self._activity
        self.switch(activity)
        try:
            yield
        finally:
            self.switch(before)

    def write(self, step: int) -> None:
        """Appends a line that states the seconds of each activity so far.

        Args:
          step: The number of updates that are done.
        """
        if self._path is None:
            return
        self.switch(self._activity)
        line = {
            "started": round(self._started, 3),
            "first_step": self._first_step,
            "step": step,
            "seconds": {key: round(spent, 3) for key, spent in self._seconds.items()},
        }
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


@dataclasses.dataclass(frozen=True)
class Goodput:
    """Contains the time that all processes of a run spent on each activity.

    Attributes:
      seconds: The seconds by the name of the activity, for each name in `ACTIVITIES`.
      processes: The number of processes, one more than the number of restarts.
    """

    seconds: dict[str, float]
    processes: int

    @property
    def total(self) -> float:
        """Returns the seconds from the start of the run to its last recorded line."""
        return sum(self.seconds.values())

    @property
    def share(self) -> float:
        """Returns the fraction of the time that was spent on training steps.

        Steps that were done again after a restart count once.
        """
        return self.seconds["training"] / self.total if self.total else 0.0


def read_goodput(workdir: str | Path) -> Goodput | None:
    """Reads goodput.jsonl and adds up the times of all processes of a run.

    The result is a `Goodput`, or None if the file is missing or has no valid line.

    If a process was killed, the steps after its last line were not recorded, and their
    time counts as the activity "down".
    """
    path = Path(workdir) / GOODPUT
    if not path.is_file():
        return None
    last = {row["started"]: row for row in read_objects(path) if _is_valid(row)}
    rows = [last[started] for started in sorted(last)]
    if not rows:
        return None
    seconds = dict.fromkeys(ACTIVITIES, 0.0)
    for row in rows:
        for activity, spent in row["seconds"].items():
            seconds[activity] += spent
    for before, after in itertools.pairwise(rows):
        again = min(before["step"] - after["first_step"], _steps(before))
        if again > 0:
            spent = before["seconds"].get("training", 0.0) * again / _steps(before)
            seconds["training"] -= spent
            seconds["lost"] += spent
        ended = before["started"] + sum(before["seconds"].values())
        seconds["down"] += max(after["started"] - ended, 0.0)
    return Goodput(seconds, len(rows))


def _steps(row: dict[str, Any]) -> int:
    return row["step"] - row["first_step"]


def _is_valid(row: dict[str, Any]) -> bool:
    numbers = (row.get("started"), row.get("first_step"), row.get("step"))
    spent = row.get("seconds")
    return (
        all(isinstance(value, int | float) for value in numbers)
        and isinstance(spent, dict)
        and set(spent) <= set(ACTIVITIES)
        and all(isinstance(value, int | float) for value in spent.values())
    )
