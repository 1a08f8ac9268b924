"""Computes class weights from label counts by median-frequency balancing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def median_frequency(
    pixels: Sequence[float], denominators: Sequence[float] | None = None
) -> np.ndarray:
    """Computes class weights by median-frequency balancing: median(f) / f_k.

    f_k is pixels_k / denominators_k. A class without pixels has weight 0 and is
    excluded from the median.

    Args:
      pixels: Number of labeled pixels of each class in the training set, [K].
      denominators: The denominators, [K]. None uses one denominator for all classes, as
        in SegNet (arXiv 1511.00561, section 3.2). For the rule of Eigen and Fergus
        (arXiv 1411.4734), pass for each class the total number of pixels in the images
        that contain the class.

    Returns:
      float32 [K].

    Raises:
      ValueError: If no class has pixels, or a count is negative or not finite.

    >>> median_frequency([100, 50, 10]).tolist()
    [0.5, 1.0, 5.0]
    """
    counts = np.asarray(pixels, np.float64)
    if counts.ndim != 1 or not np.isfinite(counts).all() or (counts < 0).any():
        raise ValueError(f"pixels={pixels} is invalid: expected finite counts >= 0.")
    if not counts.any():
        raise ValueError(
            f"pixels={pixels} is invalid: expected at least one class with pixels."
        )
    below = np.ones_like(counts) if denominators is None else np.asarray(denominators)
    known = counts > 0
    frequency = counts[known] / below[known]
    weights = np.zeros(counts.shape, np.float32)
    weights[known] = np.median(frequency) / frequency
    return weights
