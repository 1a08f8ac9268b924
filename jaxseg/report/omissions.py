"""Determines which parts of a report are left out for a run, and for what reasons."""

from __future__ import annotations

from jaxseg.config import Config
from jaxseg.data.spec import DatasetSpec
from jaxseg.tasks.table import TASKS, task_of

CONFUSION, CALIBRATION = "confusion", "calibration"
BOUNDARY, PICTURES = "boundary", "pictures"
PARTS = (CONFUSION, CALIBRATION, BOUNDARY, PICTURES)


def omitted_parts(config: Config, spec: DatasetSpec) -> dict[str, str]:
    """Returns the parts of a report that are left out for a run, and the reasons.

    The result is a dictionary from the name of each part to the reason. It is empty if
    the report has all parts.

    Args:
      config: The configuration of the run.
      spec: The classes of the run.
    """
    task = task_of(config)
    if task is TASKS["pix2pix"]:
        reason = f"{config.model.name} generates photos, which have no classes"
        return dict.fromkeys(PARTS, reason)
    if task.kind == "clouds":
        return {
            CALIBRATION: "probabilities are collected for images only",
            BOUNDARY: "points have no boundaries",
            PICTURES: "the examples are point clouds and not images",
        }
    if spec.union is not None:
        reason = "the run has several datasets, each with its own classes"
        return dict.fromkeys(PARTS, reason)
    if spec.multilabel:
        reason = "the classes of this dataset can overlap"
        return dict.fromkeys((CONFUSION, BOUNDARY, PICTURES), reason)
    return {}
