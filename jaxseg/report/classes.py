"""Collects the scores of each class, for one run or for several side by side."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from jaxseg.data.spec import DatasetSpec
from jaxseg.metrics.by_dataset import scores_of
from jaxseg.report.measure import Measurement
from jaxseg.report.record import RunRecord

# Title, name of the score, and what it means.
SCORES = (
    ("IoU", "iou", "intersection over union of label and prediction"),
    ("accuracy", "recall", "fraction of the pixels of the class that are found"),
    ("precision", "precision", "fraction of the predicted pixels that are right"),
)
MEANS = {"iou": "mean_iou", "recall": "mean_accuracy", "precision": "mean_precision"}


@dataclasses.dataclass(frozen=True)
class ScoredRun:
    """Contains the scores of one run that the report shows.

    Attributes:
      name: The name of the run.
      spec: The classes of the run.
      values: A dictionary from score names to the scores that `jaxseg eval` computes;
        None stands for NaN.
      origin: A text that says from which checkpoint and which images the scores are.
    """

    name: str
    spec: DatasetSpec
    values: Mapping[str, Any]
    origin: str


@dataclasses.dataclass(frozen=True)
class ClassRow:
    """Contains the scores of one class in all runs.

    Attributes:
      name: The name of the class.
      color: The color of the class.
      share: The fraction of all labeled pixels that have the class as their label, from
        the first run that has the class.
      scores: For each run, the IoU, the recall and the precision of the class; NaN if
        undefined.
      change: The IoU of the last run minus that of the first one. NaN if there is only
        one run or if one of the two is undefined.
    """

    name: str
    color: tuple[int, int, int]
    share: float
    scores: tuple[tuple[float, ...], ...]
    change: float


def scored_run(record: RunRecord, measured: Measurement | None) -> ScoredRun | None:
    """Returns the scores of a run, from the report's own evaluation if there is one.

    Args:
      record: The run.
      measured: The evaluation that the report has made. None takes the scores of the
        best evaluation during the training.

    Returns:
      The scores, or None if the run was never evaluated or has no classes.
    """
    if measured is not None:
        values: Mapping[str, Any] = measured.scores
        origin = f"step {measured.step}, {measured.images} images of {measured.split}"
    elif (row := record.best_evaluation) is not None:
        values = row
        origin = f"step {row['step']}, the evaluation during training"
    else:
        return None
    if not any(_classes(values, record.spec)):
        return None
    return ScoredRun(record.name, record.spec, values, origin)


def class_rows(runs: Sequence[ScoredRun]) -> list[ClassRow]:
    """Returns a list of rows, one for each class that occurs in any of the runs.

    The rows have the order of the labels.

    Args:
      runs: The scores of the runs.
    """
    found = [_classes(run.values, run.spec) for run in runs]
    names = dict.fromkeys(name for one in found for name in one)
    nothing = (math.nan,) * len(SCORES)
    rows = []
    for name in names:
        known = [one[name] for one in found if name in one]
        scores = tuple(one[name].scores if name in one else nothing for one in found)
        change = scores[-1][0] - scores[0][0] if len(runs) > 1 else math.nan
        first = known[0]
        rows.append(ClassRow(name, first.color, first.share, scores, change))
    return rows


@dataclasses.dataclass(frozen=True)
class _ClassScores:
    color: tuple[int, int, int]
    share: float
    scores: tuple[float, ...]


def _classes(values: Mapping[str, Any], spec: DatasetSpec) -> dict[str, _ClassScores]:
    """Returns the scores of the classes by name; of all datasets if there are several.

    Classes without any pixel are kept, unless no class of the dataset has one.
    """
    if spec.union is None:
        return _of_dataset(values, spec.classes, spec.palette)
    found = {}
    for member in spec.members:
        own = scores_of(values, member.name)
        colors = dict(zip(spec.classes, spec.palette, strict=True))
        palette = [colors.get(name, (128, 128, 128)) for name in member.scored]
        rows = _of_dataset(own, member.scored, palette)
        found |= {f"{member.name}/{name}": row for name, row in rows.items()}
    return found


def _of_dataset(values, classes, palette) -> dict[str, _ClassScores]:
    pixels = values.get("pixels")
    if pixels is None or not sum(pixels):
        return {}
    labeled = sum(pixels)
    return {
        name: _ClassScores(
            tuple(palette[k]),
            pixels[k] / labeled,
            tuple(number(values[key][k]) for _, key, _ in SCORES),
        )
        for k, name in enumerate(classes)
    }


def number(value: float | None) -> float:
    """Returns a score as a float; None, as in metrics.jsonl, becomes NaN."""
    return math.nan if value is None else float(value)
