"""Trains the rows of a published table as a sweep over rows and seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from jaxseg.data import open_source
from jaxseg.lab.reproduction.records import read_records, scores_of
from jaxseg.lab.reproduction.reduced import row_configs
from jaxseg.lab.reproduction.tables import PublishedTable
from jaxseg.lab.sweeps.execution import Processes
from jaxseg.lab.sweeps.members import Run, plan
from jaxseg.lab.sweeps.results import RESULTS, Comparison, write_scores
from jaxseg.lab.sweeps.sweep import run_sweep

METRIC = "mean_iou"


@dataclasses.dataclass(frozen=True)
class Request:
    """Describes which runs of a table to train, and where.

    Attributes:
      folder: The folder of the run directories.
      command: The command line, which every record contains.
      rows: The names of the rows. () takes all rows.
      seeds: The seeds with which each row is trained.
      steps: The number of steps of each training, or None for that of the table.
      raw_dir: The folder with the original files of the dataset, or None.
      prepared_dir: The folder of the prepared dataset, or None for the default.
    """

    folder: Path
    command: str
    rows: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0, 1, 2)
    steps: int | None = None
    raw_dir: str | None = None
    prepared_dir: str | None = None

    @property
    def folders(self) -> dict[str, str]:
        """Returns the given folders of the data by the names of their options."""
        named = {"raw_dir": self.raw_dir, "prepared_dir": self.prepared_dir}
        return {name: path for name, path in named.items() if path is not None}


def train_rows(
    table: PublishedTable, request: Request, say: Callable[[str], None]
) -> tuple[dict[str, dict[int, float]], list[Run]]:
    """Trains the unfinished runs, and writes results.jsonl to the folder.

    The file gets a line for each finished run with the seeds of the request, also for
    the runs of other rows.

    Args:
      table: The table.
      request: The rows, the seeds and the folders.
      say: A function that is called with lines of text about the progress.

    Returns:
      A pair: the mean IoU for each row and seed, and a list of the runs that failed.

    Raises:
      ValueError: If the dataset cannot be opened, or if a folder contains a run with
        another configuration.
      RunInUse: If another process works in the folder.
    """
    configs = row_configs(table, steps=request.steps)
    everything = plan(configs, request.seeds, request.folder)
    names = {row.name for row in table.chosen(request.rows)}
    runs = [run for run in everything if run.name in names]
    if any(run.scores() is None for run in runs):
        # The data are prepared here, so that a wrong folder fails before any training.
        data = dataclasses.replace(runs[0].config.data, **request.folders)
        open_source(data, data.train_split)
    options = {f"--data.{k.replace('_', '-')}": v for k, v in request.folders.items()}
    comparison = Comparison(
        METRIC,
        command=request.command,
        labels={"paper": table.paper, "table": table.name},
    )
    _, failed = run_sweep(
        runs,
        request.folder,
        processes=Processes(extra=tuple(w for pair in options.items() for w in pair)),
        comparison=comparison,
        say=say,
    )
    write_scores(everything, request.folder, comparison)
    if len(failed) == len(runs):
        return {}, failed
    return scores_of(read_records(request.folder / RESULTS, table)), failed
