"""Enlarges small pictures by whole numbers, so that people can see their pixels."""

from __future__ import annotations

import numpy as np

VISIBLE = 512  # The least length of the longer side, in pixels.


def enlarge(picture: np.ndarray, least: int = VISIBLE) -> np.ndarray:
    """Repeats the pixels of a picture until its longer side has a minimum length.

    Each pixel becomes a square of n x n pixels, where n is the smallest sufficient
    number. Colors are not blended. Larger pictures are returned unchanged.

    Args:
      picture: Pixels or labels, [H, W] or [H, W, C].
      least: The minimum length of the longer side in pixels.

    >>> enlarge(np.array([[1, 2]]), 3).tolist()
    [[1, 1, 2, 2], [1, 1, 2, 2]]
    """
    factor = max(1, -(-least // max(picture.shape[:2])))
    if factor == 1:
        return picture
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)
