"""Computes curves over all thresholds of a binary task, and the areas below them.

The probabilities p of the object are counted in bins, so that the counts of all images
fit into memory and are integers. Bins are narrower near 0 and near 1: the width of a
bin is at most 0.4 % of the smaller one of p and 1 - p. To find the bin, all but the
first 8 bits of the float32 mantissa of this smaller number are dropped. All pixels in a
bin count as equally probable.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

DROPPED = 15  # The binary digits of float32 that a bin ignores, of 23.
HALF = int(np.float32(0.5).view(np.int32)) >> DROPPED
BINS = 2 * HALF + 2
GRID = 101  # The number of points of a curve.


class BinCounts(NamedTuple):
    """Contains a histogram of the predicted probabilities of the pixels of one image.

    Only bins that contain pixels are listed.

    Attributes:
      bins: The indices of the bins, uint16 [n], in increasing order. Bins with larger
        indices contain larger probabilities.
      positive: The number of object pixels in each of these bins, int32 [n].
      negative: The number of background pixels in each of these bins, int32 [n].
    """

    bins: np.ndarray
    positive: np.ndarray
    negative: np.ndarray


def probability_bins(probability: np.ndarray) -> np.ndarray:
    """Returns the index of the bin that contains each probability.

    Args:
      probability: Float32 from 0 to 1.

    Returns:
      Integers from 0 to `BINS` - 1. Bins with larger indices contain larger
      probabilities.

    >>> probability_bins(np.float32([0, 0.5, 1])).tolist() == [0, HALF, BINS - 1]
    True
    """
    probability = np.asarray(probability, np.float32)
    low = np.minimum(probability, 1 - probability).clip(0)
    number = low.view(np.int32) >> DROPPED
    return np.where(probability > 0.5, BINS - 1 - number, number)


def bin_counts(
    probability: np.ndarray, label: np.ndarray, *, void: int = 255
) -> BinCounts:
    """Counts the probabilities of one image by their bins.

    Args:
      probability: The probability of the object, float32 [H, W].
      label: 1 at the object and 0 at the background, or `void`, integers [H, W].
      void: The ignore index.

    Raises:
      ValueError: If the shapes differ, or a label is none of these values.
    """
    probability, label = np.asarray(probability), np.asarray(label)
    known = label != void
    if probability.shape != label.shape or not np.isin(label[known], (0, 1)).all():
        raise ValueError(
            f"label.shape={label.shape} is invalid: expected {probability.shape}, the "
            f"shape of the probabilities, with the values 0, 1 and {void}."
        )
    number = 2 * probability_bins(probability[known]) + label[known]
    counts = np.bincount(number, minlength=2 * BINS).reshape(BINS, 2)
    bins = np.flatnonzero(counts.any(1))
    negative, positive = counts[bins].astype(np.int32).T
    return BinCounts(bins.astype(np.uint16), positive, negative)


def threshold_scores(images: list[BinCounts]) -> dict[str, Any]:
    """Computes the ROC and precision curves of all images, and the areas below them.

    Args:
      images: The counts of the images, as `bin_counts` returns them.

    Returns:
      A dictionary with these entries, all of which are nan if the labels contain only
      one of the two classes:

      - "roc_auc": the area under the ROC curve, as in scikit-learn.
      - "average_precision": the sum of (R_n - R_(n - 1)) P_n over descending
        thresholds, as in scikit-learn. R_n is the recall and P_n the precision at
        threshold n.
      - "roc_curve": the recall at the false positive rates 0, 0.01, ..., 1, float64
        [101].
      - "precision_curve": the largest precision at a recall of at least 0, 0.01, ...,
        1, float64 [101].
    """
    total = np.zeros((2, BINS), np.int64)
    for image in images:
        total[0, image.bins] += image.positive
        total[1, image.bins] += image.negative
    positive, negative = total[:, total.any(0)][:, ::-1]  # by descending probability
    count, others = int(positive.sum()), int(negative.sum())
    if not count or not others:
        empty = np.full(GRID, math.nan)
        areas = {"roc_auc": math.nan, "average_precision": math.nan}
        return areas | {"roc_curve": empty, "precision_curve": empty}
    hits, alarms = np.cumsum(positive), np.cumsum(negative)
    # Python's integers do not overflow at products of pixel counts.
    below = (2 * (others - alarms) + negative).tolist()
    pairs = sum(a * b for a, b in zip(positive.tolist(), below, strict=True))
    precision, recall = hits / (hits + alarms), hits / count
    area = math.fsum((positive * precision).tolist()) / count
    grid = np.linspace(0, 1, GRID)
    rate, height = (np.concatenate([[0.0], x]) for x in (alarms / others, recall))
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return {
        "roc_auc": pairs / (2 * count * others),
        "average_precision": area,
        "roc_curve": np.interp(grid, rate, height),
        "precision_curve": best[np.searchsorted(recall, grid - 1e-12)],
    }
