"""Computes the IoU of categories, which are groups of classes.

As in Cityscapes (M. Cordts et al., arXiv 1604.01685), a pixel is correct if its label
and its prediction belong to the same category.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from jaxseg.metrics.score import scores


def category_scores(
    matrix: np.ndarray, categories: Mapping[str, Sequence[int]]
) -> dict[str, float]:
    """Computes the IoU of each category and the mean over the categories.

    Args:
      matrix: Integers [K + 1, K]; rows are labels with the void row last, columns are
        predictions.
      categories: A dictionary from the name of each category to the indices of its
        classes. Each class belongs to one category.

    Returns:
      A dictionary with "category_iou", the mean IoU over the categories that occur, and
      the IoU of each category under "category_iou/NAME".

    Raises:
      ValueError: If the categories do not contain each class once.
    """
    matrix = np.asarray(matrix)
    listed = sorted(k for members in categories.values() for k in members)
    if listed != list(range(matrix.shape[1])):
        raise ValueError(
            f"categories={dict(categories)} is invalid: expected each class from 0 to "
            f"{matrix.shape[1] - 1} once."
        )
    place = np.zeros(len(matrix), np.int64)
    for number, members in enumerate(categories.values()):
        place[list(members)] = number
    place[-1] = len(categories)  # void
    merged = np.zeros((len(categories) + 1, len(categories)), np.int64)
    np.add.at(merged, (place[:, None], place[None, :-1]), matrix.astype(np.int64))
    found = scores(merged)
    each = dict(zip(categories, found["iou"].tolist(), strict=True))
    parts = {f"category_iou/{name}": value for name, value in each.items()}
    return {"category_iou": found["mean_iou"], **parts}
