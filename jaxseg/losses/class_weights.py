"""Class weights from label counts: median-frequency balancing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def median_frequency(
    pixels: Sequence[float], denominators: Sequence[float] | None = None
) -> np.ndarray:
    """median(f) / f_k as float32 [K], f_k = pixels_k / denominators_k.

    Args:
      pixels: labeled pixels of each class over the training set.
      denominators: None is SegNet's rule (arXiv 1511.00561, section 3.2), one
        denominator for all classes. Pixels of those images that contain class k give
        Eigen and Fergus' rule (arXiv 1411.4734).

    A class without pixels has weight 0 and takes no part in the median.

    Raises:
      ValueError: when no class has pixels, or a count is negative or not finite.

    >>> median_frequency([100, 50, 10]).tolist()
    [0.5, 1.0, 5.0]
    """
    counts = np.asarray(pixels, np.float64)
    if counts.ndim != 1 or not np.isfinite(counts).all() or (counts < 0).any():
        raise ValueError(f"pixels is {pixels}; allowed are finite counts >= 0")
    if not counts.any():
        raise ValueError("pixels are all 0; at least one class needs pixels")
    below = np.ones_like(counts) if denominators is None else np.asarray(denominators)
    known = counts > 0
    frequency = counts[known] / below[known]
    weights = np.zeros(counts.shape, np.float32)
    weights[known] = np.median(frequency) / frequency
    return weights
