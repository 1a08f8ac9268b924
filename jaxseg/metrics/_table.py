"""Formats scores as a text table with one line per class and a summary."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

COLUMNS = ("iou", "precision", "recall", "f1")
SUMMARY = (
    ("mean IoU", "mean_iou"),
    ("freq. weighted IoU", "fw_iou"),
    ("pixel accuracy", "pixel_accuracy"),
    ("mean accuracy", "mean_accuracy"),
    ("mean F1", "mean_f1"),
    ("mean precision", "mean_precision"),
    ("mean recall", "mean_recall"),
)


def table(values: dict[str, Any], classes: Sequence[str]) -> str:
    """Formats the scores of all classes as a text table, in percent.

    A score that is nan appears as "-".

    Args:
      values: The result of `jaxseg.metrics.scores`.
      classes: A name for each of the K classes.

    Raises:
      ValueError: If the number of names is not K.
    """
    if len(classes) != len(values["iou"]):
        raise ValueError(
            f"len(classes)={len(classes)} is invalid: expected {len(values['iou'])}, "
            "one name for each class of the scores."
        )
    names = [*classes, *(name for name, _ in SUMMARY)]
    wide = max(len(name) for name in [*names, "class"])
    head = f"{'class':<{wide}}" + "".join(f"{title:>11}" for title in COLUMNS)
    rows = [
        f"{name:<{wide}}" + "".join(_cell(values[column][k]) for column in COLUMNS)
        for k, name in enumerate(classes)
    ]
    below = [
        f"{name:<{wide}}{_cell(values[key])}" for name, key in SUMMARY if key in values
    ]
    head = head + f"{'pixels':>15}"
    rows = [
        row + f"{int(count):>15}"
        for row, count in zip(rows, values["pixels"], strict=True)
    ]
    rule = "-" * len(head)
    return "\n".join([head, rule, *rows, rule, *below])


def _cell(value):
    text = "-" if value is None or math.isnan(value) else f"{100 * value:.2f}"
    return f"{text:>11}"
