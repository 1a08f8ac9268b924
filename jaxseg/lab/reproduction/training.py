"""Trains the rows of a published table as a sweep over rows and seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

from jaxseg.config import Config
from jaxseg.data import open_source
from jaxseg.lab.reproduction.records import read_records, scores_of
from jaxseg.lab.reproduction.tables import PublishedTable
from jaxseg.lab.sweeps.execution import Processes
from jaxseg.lab.sweeps.members import Run, plan
from jaxseg.lab.sweeps.results import RESULTS, Comparison
from jaxseg.lab.sweeps.sweep import run_sweep

METRIC = "mean_iou"


@dataclasses.dataclass(frozen=True)
class Place:
    """Contains the folders of a reproduction and its command line.

    Attributes:
      folder: The folder of the run directories.
      command: The command line, which every record contains.
      raw_dir: The folder with the original files of the dataset, or None.
      prepared_dir: The folder of the prepared dataset, or None for the default.
    """

    folder: Path
    command: str
    raw_dir: str | None = None
    prepared_dir: str | None = None

    @property
    def folders(self) -> dict[str, str]:
        """Returns the given folders of the data by the names of their options."""
        named = {"raw_dir": self.raw_dir, "prepared_dir": self.prepared_dir}
        return {name: path for name, path in named.items() if path is not None}


def train_rows(
    table: PublishedTable,
    configs: Mapping[str, Config],
    seeds: tuple[int, ...],
    place: Place,
    say: Callable[[str], None],
) -> tuple[dict[str, dict[int, float]], list[Run]]:
    """Trains the unfinished runs, and writes results.jsonl to the folder.

    Args:
      table: The table.
      configs: The configurations of its rows, by name.
      seeds: The seeds with which each row is trained.
      place: The folders, and the command line.
      say: A function that is called with lines of text about the progress.

    Returns:
      A pair: the mean IoU for each row and seed, and a list of the runs that failed.

    Raises:
      ValueError: If the dataset cannot be opened, or if a folder contains a run with
        another configuration.
      RunInUse: If another process works in the folder.
    """
    runs = plan(dict(configs), seeds, place.folder)
    if any(run.scores() is None for run in runs):
        # The data are prepared here, so that a wrong folder fails before any training.
        data = dataclasses.replace(runs[0].config.data, **place.folders)
        open_source(data, data.train_split)
    options = {f"--data.{k.replace('_', '-')}": v for k, v in place.folders.items()}
    extra = tuple(word for pair in options.items() for word in pair)
    _, failed = run_sweep(
        runs,
        place.folder,
        processes=Processes(extra=extra),
        comparison=Comparison(
            METRIC,
            command=place.command,
            labels={"paper": table.paper, "table": table.name},
        ),
        say=say,
    )
    if len(failed) == len(runs):
        return {}, failed
    return scores_of(read_records(place.folder / RESULTS, table)), failed
