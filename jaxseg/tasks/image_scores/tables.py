"""Formats groups of scores as text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxseg.tasks.image_scores.groups import GROUPS

PER_CLASS = "_per_class"
SHORT = {
    "average_surface_distance": "average",
    "normalized_surface_distance": "normalized",
}
WIDTHS = (1, 2, 3, 5, 10, 20, 40)  # The widths of trimaps that are printed.


def group_tables(
    groups: Mapping[str, Mapping[str, Any]], classes: Sequence[str]
) -> str:
    """Returns the scores of each group as text, with a table of the scores per class.

    Args:
      groups: A dictionary from group name to a dictionary of the scores of the group,
        as `ScoreSet.combine` returns it.
      classes: The names of the K classes.
    """
    parts = [_group(name, values, classes) for name, values in groups.items()]
    return "\n\n".join(parts)


def _group(name: str, values: Mapping[str, Any], classes: Sequence[str]) -> str:
    lines = [GROUPS[name].title]
    columns = {}
    for key, value in values.items():
        if key.endswith(PER_CLASS):
            columns[key.removesuffix(PER_CLASS)] = value
        elif isinstance(value, np.ndarray):
            lines += _curve(key, value)
        else:
            lines.append(f"  {key:<28}{_number(value)}")
    return "\n".join(lines + _classes(columns, classes))


def _curve(key: str, values: np.ndarray) -> list[str]:
    if not key.startswith("trimap"):
        return []  # Only the file contains the points of the other curves.
    shown = [width for width in WIDTHS if width <= len(values)]
    cells = "".join(f"{_number(values[width - 1])}" for width in shown)
    heads = "".join(f"{f'{width} px':>10}" for width in shown)
    return [f"  {'width':<28}{heads}", f"  {key:<28}{cells}"]


def _classes(columns: Mapping[str, np.ndarray], classes: Sequence[str]) -> list[str]:
    if not columns:
        return []
    wide = max(len(name) for name in [*classes, "class"])
    titles = [SHORT.get(name, name) for name in columns]
    size = max(10, *(len(title) + 2 for title in titles))
    head = f"  {'class':<{wide}}" + "".join(f"{title:>{size}}" for title in titles)
    rows = [
        f"  {name:<{wide}}"
        + "".join(f"{_number(values[k]):>{size}}" for values in columns.values())
        for k, name in enumerate(classes)
    ]
    return [head, *rows]


def _number(value: float) -> str:
    if isinstance(value, int):
        return f"{value:>10,}"
    text = "-" if value is None or math.isnan(value) else f"{value:.4f}"
    return f"{text:>10}"
