"""Pads a point cloud to the fixed number of points that a network expects."""

from __future__ import annotations

import numpy as np

from jaxseg.data.spec import VOID


def pad_cloud(
    points: np.ndarray, color: np.ndarray, label: np.ndarray, size: int
) -> dict[str, np.ndarray]:
    """Pads a cloud to `size` points, and moves it to the origin.

    Its center is then at x = y = 0, and its lowest point is at z = 0.

    Args:
      points: The positions of N points in meters, [N, 3]. N is at most `size`.
      color: The colors of the points, [N, 3], from 0 to 1.
      label: The classes of the points, uint8 [N].
      size: The number of points after padding.

    Returns:
      A dictionary of "points", "feature", "mask" and "label"; see
      `jaxseg.data.cloud_train_batches`.
    """
    count = len(label)
    example = {
        "points": np.zeros((size, 3), np.float32),
        "feature": np.zeros((size, 3), np.float32),
        "mask": np.arange(size) < count,
        "label": np.full(size, VOID, np.uint8),
    }
    if count:
        low, high = points.min(0), points.max(0)
        middle = (low + high) / 2
        example["points"][:count] = points - [middle[0], middle[1], low[2]]
        example["feature"][:count] = color
        example["label"][:count] = label
    return example
