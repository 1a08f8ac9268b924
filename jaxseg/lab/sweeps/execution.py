"""Trains the runs of a sweep, each in a separate process."""

from __future__ import annotations

import dataclasses
import os
import queue
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from jaxseg.lab.sweeps.members import Run
from jaxseg.runs.children import Children

LOG = "log.txt"
CACHE = "compiled"


@dataclasses.dataclass(frozen=True)
class Processes:
    """Contains the options of the processes that train the runs of a sweep.

    Attributes:
      devices: The names of the devices. One process trains on each of them. "" lets JAX
        choose the devices of the process.
      variable: The environment variable that restricts a process to its device.
      extra: Further arguments of every `jaxseg train`.
    """

    devices: tuple[str, ...] = ("",)
    variable: str = "CUDA_VISIBLE_DEVICES"
    extra: tuple[str, ...] = ()


def execute(
    runs: list[Run], processes: Processes, say: Callable[[str], None]
) -> list[Run]:
    """Trains the unfinished runs, one process per device; returns the failed runs.

    Args:
      runs: The runs of the sweep.
      processes: The options of the processes.
      say: A function that is called with a line of text at the start, and again when a
        run ends.
    """
    free: queue.Queue[str] = queue.Queue()
    for device in processes.devices:
        free.put(device)

    children = Children()

    def train(run: Run) -> bool:
        device = free.get()
        shown = {processes.variable: device} if device else {}
        try:
            status = start(
                run, shown=shown, extra=list(processes.extra), children=children
            )
        finally:
            free.put(device)
        say(f"{run.folder.name}: exit status {status}")
        return status == 0

    missing = [run for run in runs if run.scores() is None]
    say(f"{len(runs)} runs, {len(runs) - len(missing)} finished")
    with children, ThreadPoolExecutor(len(processes.devices)) as pool:
        passed = list(pool.map(train, missing))
    pairs = zip(missing, passed, strict=True)
    return [run for run, good in pairs if not good or run.scores() is None]


def start(run: Run, shown: dict[str, str], extra: list[str], children: Children) -> int:
    """Trains one run in a process that logs to log.txt; returns its exit status.

    Programs that were compiled for one seed are reused for the other seeds.
    """
    shared = {"JAX_COMPILATION_CACHE_DIR": str(run.folder.parent.absolute() / CACHE)}
    command = [sys.executable, "-m", "jaxseg.cli.main", "train"]
    command += ["--workdir", str(run.folder), *extra]
    with (run.folder / LOG).open("a") as log:
        return children.run(
            command, stdout=log, stderr=log, env={**shared, **os.environ, **shown}
        )
