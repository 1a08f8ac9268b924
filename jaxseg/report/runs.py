"""Describes the runs of a report in words: network, dataset, steps and evaluation."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping, Sequence

from jaxseg.report.measure import Measurement
from jaxseg.report.record import RunRecord
from jaxseg.text import counted
from jaxseg.viz import charts


@dataclasses.dataclass(frozen=True)
class ReportedRun:
    """Contains a run and its evaluation for the report.

    Attributes:
      record: The run.
      measured: The evaluation on validation images, or None if there is none.
      problem: The error because of which the run could not be evaluated, or "".
      omitted: A dictionary from each part of the report that is left out to the reason.
    """

    record: RunRecord
    measured: Measurement | None = None
    problem: str = ""
    omitted: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class RunView:
    """Contains the texts about one run that the report shows.

    Attributes:
      name: The name of the run in the report.
      workdir: The run directory.
      network: The name of the network.
      dataset: The name of the dataset.
      steps: How many steps were trained, in words.
      color: The color of the run in the charts.
      problem: The error because of which the run could not be evaluated, or "".
      measured: A text that says which checkpoint was evaluated on which images, or "".
      command: The `jaxseg eval` command that computes the scores of the report, or "".
    """

    name: str
    workdir: str
    network: str
    dataset: str
    steps: str
    color: str
    problem: str
    measured: str
    command: str


def run_views(runs: Sequence[ReportedRun]) -> list[RunView]:
    """Returns a list with the texts about each run that the report shows.

    Args:
      runs: The runs.
    """
    return [_view(run, place) for place, run in enumerate(runs)]


def _view(run: ReportedRun, place: int) -> RunView:
    record, measured = run.record, run.measured
    steps, planned = record.steps, record.config.train.steps
    text = counted(planned, "step")
    if not steps:
        text = "no records of training"
    elif steps < planned:
        text = f"{steps:,} of {text}"
    return RunView(
        record.name,
        workdir=str(record.workdir),
        network=record.config.model.title,
        dataset=record.spec.name,
        steps=text,
        color=charts.color(place),
        problem=run.problem,
        measured="" if measured is None else _measured(measured),
        command="" if measured is None else _command(record, measured),
    )


def _measured(found: Measurement) -> str:
    images = counted(found.images, "image")
    if found.images < found.available:
        text = (
            f"Measured at step {found.step:,} on the first {images} of "
            f"{found.available:,}; the option --images sets how many are used."
        )
    else:
        text = f"Measured at step {found.step:,} on all {images} of {found.split}."
    return text


def _command(record: RunRecord, found: Measurement) -> str:
    command = ["jaxseg", "eval", str(record.workdir), "--checkpoint", str(found.step)]
    if found.split != record.config.data.eval_split:
        command += ["--split", found.split]
    return shlex.join(command)
