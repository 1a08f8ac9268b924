"""Reads the configuration and metrics of a run, but not its data and weights."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxseg.config import Config
from jaxseg.data.spec import DatasetSpec
from jaxseg.runs import environment
from jaxseg.runs.directory import read_config, read_spec
from jaxseg.training.run.metric_reader import METRICS, read_metrics

SCORE = "mean_iou"  # The score that ranks the evaluations of a run.
Row = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, eq=False)
class RunRecord:
    """Contains the configuration of one run, and the metrics that it has logged.

    Attributes:
      name: A name that differs from those of the other runs of the report.
      workdir: The run directory.
      config: The configuration.
      spec: The classes and the pixel statistics of the dataset.
      logged: The lines of metrics.jsonl with training metrics.
      evaluated: The lines of metrics.jsonl with the scores of evaluations.
      environments: The versions and devices of the training, see
        `jaxseg.runs.environment`.
    """

    name: str
    workdir: Path
    config: Config
    spec: DatasetSpec
    logged: Sequence[Row] = ()
    evaluated: Sequence[Row] = ()
    environments: Sequence[Row] = ()

    def series(self, name: str, *, kind: str = "train") -> list[tuple[int, float]]:
        """Returns a list of pairs of a training step and the value logged at this step.

        Args:
          name: The name of the value in metrics.jsonl.
          kind: "train" or "eval".
        """
        rows = self.logged if kind == "train" else self.evaluated
        return [(row["step"], row[name]) for row in rows if _is_number(row.get(name))]

    @property
    def best_evaluation(self) -> Row | None:
        """Returns the logged scores of the evaluation with the highest mean IoU.

        If several evaluations have this mean IoU, the latest is chosen. The result is
        None if the run was never evaluated, or has no mean IoU.
        """
        ranked = [row for row in self.evaluated if _is_number(row.get(SCORE))]
        return max(ranked, key=lambda row: (row[SCORE], row["step"]), default=None)

    @property
    def steps(self) -> int:
        """Returns the last step in metrics.jsonl, or 0 if the file has no lines."""
        rows = (*self.logged, *self.evaluated)
        return max((row["step"] for row in rows), default=0)


def read_records(workdirs: Sequence[str | os.PathLike]) -> tuple[RunRecord, ...]:
    """Returns a record of each run, with its configuration and its logged metrics.

    Args:
      workdirs: The run directories.

    Raises:
      ValueError: If a directory is not a run, or is given twice.
    """
    paths = [Path(os.path.abspath(Path(one).expanduser())) for one in workdirs]
    for path in paths:
        if paths.count(path) > 1:
            raise ValueError(
                f"workdir={str(path)!r} is invalid: expected each run directory once. "
                "Leave out the repetition."
            )
    pairs = zip(short_names(paths), paths, strict=True)
    return tuple(read_record(path, name=name) for name, path in pairs)


def read_record(workdir: Path, *, name: str) -> RunRecord:
    """Returns a record of one run, with its configuration and its logged metrics.

    Args:
      workdir: The run directory.
      name: The name of the run in the report.

    Raises:
      ValueError: If the directory is not a run.
    """
    config, spec = read_config(workdir), read_spec(workdir)
    # A directory that `jaxseg convert` has written has no metrics.
    rows = read_metrics(workdir) if (workdir / METRICS).is_file() else []
    return RunRecord(
        name,
        workdir=workdir,
        config=config,
        spec=spec,
        logged=[row for row in rows if row["kind"] == "train"],
        evaluated=[row for row in rows if row["kind"] == "eval"],
        environments=environment.read(workdir),
    )


def short_names(paths: Sequence[Path]) -> list[str]:
    """Returns a name for each path: its last components, as text.

    The number of components is the same for all paths, and is the smallest number for
    which all names differ.

    >>> short_names([Path("/runs/a/unet"), Path("/runs/b/unet")])
    ['a/unet', 'b/unet']
    >>> short_names([Path("/runs/a/unet"), Path("/runs/b/fcn")])
    ['unet', 'fcn']
    """
    most = max((len(path.parts) for path in paths), default=1)
    for count in range(1, most + 1):
        names = ["/".join(path.parts[-count:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
