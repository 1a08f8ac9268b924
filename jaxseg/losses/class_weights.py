"""Computes class weights from label counts by median-frequency balancing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def median_frequency(pixels: Sequence[float]) -> np.ndarray:
    """Computes class weights by median-frequency balancing: median(pixels) / pixels_k.

    A class without pixels has weight 0 and is excluded from the median.

    Differs: The weights of Eigen and Fergus (arXiv 1411.4734) divide the pixels of each
    class by all pixels of the images that contain it. SegNet (arXiv 1511.00561, section
    3.2), like this function, uses one denominator for all classes.

    Args:
      pixels: Number of labeled pixels of each class in the training set, [K].

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
    known = counts > 0
    weights = np.zeros(counts.shape, np.float32)
    weights[known] = np.median(counts[known]) / counts[known]
    return weights
