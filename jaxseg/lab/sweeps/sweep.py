"""Runs a sweep: trains its unfinished runs, and compares the scores of all runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from jaxseg.lab.page import Table
from jaxseg.lab.sweeps.execution import Processes, execute
from jaxseg.lab.sweeps.members import Run, prepare
from jaxseg.lab.sweeps.results import Comparison, publish
from jaxseg.runs import lock


def run_sweep(
    runs: Sequence[Run],
    folder: Path,
    *,
    processes: Processes,
    comparison: Comparison,
    say: Callable[[str], None],
) -> tuple[Table, list[Run]]:
    """Trains the unfinished runs of a sweep, and writes the results of all its runs.

    Args:
      runs: All runs of the sweep, which `jaxseg.lab.sweeps.members.plan` lists.
      folder: The folder of the sweep, which no other process may use meanwhile.
      processes: The options of the processes that train.
      comparison: The options for comparing the runs.
      say: A function that is called with lines of text about the progress.

    Returns:
      A pair: a table with the mean, the standard deviation, the lowest and the highest
      score of each configuration over its seeds, and a list of the runs that failed.

    Raises:
      ValueError: If a folder contains a run with another configuration, or the score of
        a run is missing.
      RunInUse: If another process works in the folder of the sweep or of a run.
    """
    with lock.holding(folder):
        for run in runs:
            prepare(run)
        failed = execute(list(runs), processes, say)
        return publish(list(runs), folder, comparison), failed
