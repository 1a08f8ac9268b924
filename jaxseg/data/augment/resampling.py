"""Reads an image and its label at arbitrary points."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import map_coordinates

from jaxseg.data.augment.entry import Scene


def pixel_centers(size: tuple[int, int]) -> np.ndarray:
    """Returns the points of the pixel centers of a crop, float32 [2, H, W]."""
    return np.indices(size).astype(np.float32) + np.float32(0.5)


def resample(scene: Scene, points: np.ndarray) -> Scene:
    """Reads a scene at points.

    The image is interpolated bilinearly between the centers of its pixels, and the
    label is that of the pixel that contains the point. Outside the image, the image is
    the mean and the label is void.

    Args:
      scene: The scene.
      points: Float32 [2, H, W], in which the first pixel covers [0, 1) in both axes.
    """
    height, width = scene.label.shape
    rows, columns = points
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    near = np.clip(rows, 0, height - 1).astype(np.intp) * width
    near += np.clip(columns, 0, width - 1).astype(np.intp)
    label = np.where(
        inside, scene.label.ravel()[near], np.array(scene.frame.void, scene.label.dtype)
    )
    centers = points - np.float32(0.5)
    image = np.empty((*label.shape, scene.image.shape[-1]), scene.image.dtype)
    for channel, fill in enumerate(scene.frame.fill):
        values = map_coordinates(
            scene.image[..., channel], centers, np.float32, order=1, mode="nearest"
        )
        image[..., channel] = rounded(np.where(inside, values, fill), image.dtype)
    return Scene(image, label, scene.frame)


def rounded(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Converts values in stored units to the stored type, rounding halves up."""
    if not np.issubdtype(dtype, np.integer):
        return values.astype(dtype)
    return np.floor(values + np.float32(0.5)).astype(dtype)
