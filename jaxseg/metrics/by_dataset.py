"""Computes the scores of several datasets from one confusion matrix.

The matrix contains the classes of all datasets, and each dataset is scored only in its
own classes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxseg.metrics.score import scores

MEANS = ("pixel_accuracy", "mean_accuracy", "mean_iou", "fw_iou", "mean_f1")


def scores_by_dataset(
    matrix: np.ndarray, blocks: Mapping[str, slice]
) -> dict[str, Any]:
    """Computes the scores of each dataset and their means over the datasets.

    Args:
      matrix: Integers [J + 1, J] with the classes of all datasets one after the other,
        and the void row last.
      blocks: A dictionary from the name of each dataset to the slice of the indices of
        its classes in the matrix.

    Returns:
      A dictionary with all results of `scores` for each dataset, under names such as
      "streets/mean_iou", and with the mean of `mean_iou` and of the other single scores
      over the datasets that have labeled pixels.

    Raises:
      ValueError: If the matrix contains numbers that cannot be pixel counts.

    >>> counts = np.array([[3, 1, 0], [0, 4, 0], [0, 0, 9], [0, 0, 0]])
    >>> found = scores_by_dataset(counts, {"two": slice(0, 2), "one": slice(2, 3)})
    >>> found["one/mean_iou"], found["mean_iou"] == (1 + found["two/mean_iou"]) / 2
    (1.0, True)
    """
    matrix = np.asarray(matrix)
    values: dict[str, Any] = {}
    for name, block in blocks.items():
        own = np.concatenate([matrix[block, block], matrix[-1:, block]])
        values |= {f"{name}/{key}": value for key, value in scores(own).items()}
    return {key: _mean(values, key, blocks) for key in MEANS} | values


def scores_of(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Returns a dictionary of the scores of one dataset.

    It selects them from the result of `scores_by_dataset`, and removes the name of the
    dataset from their names: "streets/mean_iou" becomes "mean_iou".
    """
    start = f"{name}/"
    return {
        key.removeprefix(start): value
        for key, value in values.items()
        if key.startswith(start)
    }


def _mean(values: dict[str, Any], key: str, blocks: Mapping[str, slice]) -> float:
    found = [values[f"{name}/{key}"] for name in blocks]
    known = [value for value in found if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan
