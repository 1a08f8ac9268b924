"""Computes bootstrap intervals of scores, by drawing images with replacement.

A replicate draws N images, with replacement, from the N images of a split, adds their
confusion matrices, and computes the scores of the sum. Replicate r for the seed s draws
with `numpy.random.default_rng((s, r))`, so it depends on nothing else. The interval of
a score at the level c lies between its quantiles (1 - c) / 2 and (1 + c) / 2 over the
replicates (percentile method; linear interpolation between order statistics). A
replicate in which a score is not defined (0 / 0) is left out for this score.
`Intervals.undefined` contains the number of such replicates.

The interval describes how the score varies with the choice of images. It does not
describe how it varies between training runs.

References:
  Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxseg.metrics.image_counts import ImageCounts, stacked

SCORES = ("pixel_accuracy", "mean_iou", "iou")
_BLOCK = 1 << 24  # the number of entries of matrices in memory at once


class Intervals(NamedTuple):
    """Contains the bootstrap intervals of the scores of a split.

    Attributes:
      low: A dictionary from the name of each score to the lower end of its interval,
        which is a number, or an array [K] for a score of each class.
      high: The upper ends of the intervals, in the same form as `low`.
      undefined: A dictionary from the name of each score to the number of replicates in
        which it is not defined.
      replicates: The number of replicates.
      level: The confidence level of the intervals, such as 0.95.
    """

    low: Mapping[str, Any]
    high: Mapping[str, Any]
    undefined: Mapping[str, Any]
    replicates: int
    level: float


def bootstrap(
    images: Sequence[ImageCounts],
    num_classes: int,
    scoring: Callable[[np.ndarray], Mapping[str, Any]],
    *,
    replicates: int,
    seed: int = 0,
    level: float = 0.95,
) -> Intervals:
    """Computes bootstrap intervals of pixel accuracy, mean IoU and the IoU of classes.

    A replicate draws as many images as there are, with replacement, and computes the
    scores of the summed confusion matrices.

    Args:
      images: The confusion matrices of the images, in the order of the split.
      num_classes: The number of classes K.
      scoring: The function that computes scores from a confusion matrix, such as
        `jaxseg.metrics.scores`.
      replicates: The number of replicates.
      seed: The seed with which images are drawn.
      level: The confidence level of the intervals, such as 0.95.
    """
    found: dict[str, list[Any]] = {}
    for matrix in _matrices(images, num_classes, replicates, seed):
        for name, value in scoring(matrix).items():
            if name.rsplit("/", 1)[-1] in SCORES:  # Also "streets/mean_iou".
                found.setdefault(name, []).append(value)
    values = {name: np.array(several, np.float64) for name, several in found.items()}
    ends = {name: _ends(several, level) for name, several in values.items()}
    return Intervals(
        low={name: low for name, (low, _) in ends.items()},
        high={name: high for name, (_, high) in ends.items()},
        undefined={name: np.isnan(value).sum(0) for name, value in values.items()},
        replicates=replicates,
        level=level,
    )


def drawn(seed: int, replicate: int, images: int) -> np.ndarray:
    """Returns how often each image occurs in a bootstrap replicate, int64 [N].

    Args:
      seed: The seed with which images are drawn.
      replicate: The index of the replicate.
      images: The number of images N.
    """
    indices = np.random.default_rng((seed, replicate)).integers(0, images, images)
    return np.bincount(indices, minlength=images)


def _matrices(images, num_classes, replicates, seed) -> Iterable[np.ndarray]:
    """Yields the summed confusion matrix of each replicate, int64 [K + 1, K]."""
    rows = stacked(images, num_classes)
    block = max(1, _BLOCK // max(rows.shape))
    for start in range(0, replicates, block):
        chosen = range(start, min(start + block, replicates))
        weights = np.stack([drawn(seed, r, len(images)) for r in chosen])
        for flat in weights @ rows:
            yield flat.reshape(num_classes + 1, num_classes)


def _ends(values, level) -> tuple[Any, Any]:
    """Returns the quantiles over the replicates in which a score is defined."""
    columns = values.reshape(len(values), -1).T
    ends = np.full((len(columns), 2), np.nan)
    for k, column in enumerate(columns):
        known = column[~np.isnan(column)]
        if known.size:
            ends[k] = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    low, high = ends.T
    if values.ndim == 1:
        return float(low[0]), float(high[0])
    return low, high
