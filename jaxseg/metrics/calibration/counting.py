"""Counts how often predictions of each confidence are right, image by image.

Confidences are sorted into equal bins [i / n, (i + 1) / n), of which the last one
contains 1. Each bin has three sums: the number of predictions, the number of right
predictions, and the sum of the confidences. They are float64, which is exact for
counts.
The sums of images are added in the order of the dataset, so the result depends neither
on the batch size nor on the number of devices.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

LEVELS = 1024  # The number of fine bins, from which bins of equal mass are formed.
TINY = float(np.finfo(np.float32).tiny)  # Smaller probabilities are not distinguished.


class CalibrationCounts(NamedTuple):
    """Contains the sums from which calibration errors are computed.

    The sums run over the predictions for one or more images.

    If classes exclude each other, a prediction is the most probable class of a pixel,
    and its confidence is the probability of this class. If classes can overlap, there
    is one prediction for each pixel and class: that the class is present or that it is
    absent. Its confidence is the probability of this prediction.

    Attributes:
      predictions: The number of predictions.
      log_loss: The sum of -log p, where p is the predicted probability of the label, in
        nats.
      squared_error: The sum of the squared differences between the probabilities and
        the labels, which are 0 or 1 for each class.
      bins: Three sums for each bin of confidence, float64 [n, 3]: the number of
        predictions, the number of right predictions, and the sum of the confidences.
      levels: The same sums for `LEVELS` narrower bins, float64 [LEVELS, 3].
      classes: The same sums for each class, with bins of the probability of the class,
        [K, n, 3]. A prediction counts as right where the class is present.
    """

    predictions: int
    log_loss: float
    squared_error: float
    bins: np.ndarray
    levels: np.ndarray
    classes: np.ndarray


def count(
    probabilities: np.ndarray, label: np.ndarray, *, bins: int = 15
) -> CalibrationCounts:
    """Counts how often predictions of each confidence are right in one image.

    Args:
      probabilities: The probabilities of the classes at the pixels that count, [N, K].
      label: The classes, integers [N], or 0 and 1, [N, K], if classes can overlap.
      bins: The number of bins n.
    """
    p = probabilities.astype(np.float64)
    if label.ndim == 2:
        present = label.astype(bool)
        confidence, right = np.maximum(p, 1 - p), (p > 0.5) == present
        own = np.where(present, p, 1 - p)
        squared = ((p - present) ** 2).sum()
    else:
        rows = np.arange(len(p))
        confidence, right = p.max(-1), p.argmax(-1) == label
        own = p[rows, label]
        squared = (p**2).sum() + (1 - 2 * own).sum()
        present = np.zeros(p.shape, bool)
        present[rows, label] = True
    confidence, right = confidence.ravel(), right.ravel()
    each = [sums(p[:, k], present[:, k], bins) for k in range(p.shape[1])]
    return CalibrationCounts(
        predictions=confidence.size,
        log_loss=float(-np.log(np.maximum(own, TINY)).sum()),
        squared_error=float(squared),
        bins=sums(confidence, right, bins),
        levels=sums(confidence, right, LEVELS),
        classes=np.stack(each),
    )


def sums(confidence: np.ndarray, right: np.ndarray, bins: int) -> np.ndarray:
    """Sorts predictions into bins of confidence, and adds them up.

    Returns for each bin the number of predictions, the number of right predictions and
    the sum of the confidences, float64 [n, 3].

    Args:
      confidence: The confidences of the predictions, from 0 to 1, float64 [N].
      right: Whether each prediction is right, bool [N].
      bins: The number of bins n.
    """
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    columns = (None, right, confidence)
    return np.stack([np.bincount(place, c, minlength=bins) for c in columns], -1)


def total(images: Iterable[CalibrationCounts]) -> CalibrationCounts:
    """Adds up the calibration counts of several images.

    Args:
      images: The counts of each image, in the order of the dataset.

    Raises:
      ValueError: If there is no image.
    """
    found: CalibrationCounts | None = None
    for one in images:
        if found is None:
            found = one
            continue
        pairs: list[tuple[Any, Any]] = list(zip(found, one, strict=True))
        found = CalibrationCounts(*(a + b for a, b in pairs))
    if found is None:
        raise ValueError(
            "images=() is invalid: expected the calibration counts of one or more "
            "images."
        )
    return found
