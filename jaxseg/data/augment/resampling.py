"""Computes the image and the label of a crop at arbitrary points."""

from __future__ import annotations

import numpy as np

from jaxseg.data.augment.entry import Scene

# So many rows are read at a time that the intermediate arrays of a crop of 512 pixels
# stay in the cache of a core. This is four times as fast as one pass.
ROWS = 64


def pixel_centers(size: tuple[int, int]) -> np.ndarray:
    """Returns the (row, column) of the pixel centers of a crop, float32 [2, H, W]."""
    return np.indices(size).astype(np.float32) + np.float32(0.5)


def resample(scene: Scene, points: np.ndarray) -> Scene:
    """Computes the image and the label of a crop at given points.

    The image is interpolated bilinearly between the centers of its pixels, and the
    label is that of the pixel that contains the point. Points outside the image get the
    mean color of the dataset and the ignore index.

    Args:
      scene: The crop and its label.
      points: The (row, column) from which each pixel of the result is read, float32 [2,
        h, w]. The first pixel covers [0, 1) along both axes.

    Returns:
      The image [h, w, C] and the label [h, w], as a `Scene`.
    """
    size = points.shape[1:]
    image = np.empty((*size, scene.image.shape[-1]), scene.image.dtype)
    label = np.empty(size, scene.label.dtype)
    channels = np.moveaxis(scene.image, -1, 0)
    planes = [np.ascontiguousarray(plane).ravel() for plane in channels]
    for top in range(0, len(label), ROWS):
        rows, columns = points[:, top : top + ROWS]
        inside = _inside(rows, columns, scene.label.shape)
        nearest = _nearest(rows, columns, scene.label.shape)
        found = scene.label.ravel().take(nearest)
        label[top : top + ROWS] = np.where(inside, found, scene.frame.void)
        weights = _Bilinear(rows, columns, scene.label.shape)
        for channel, (plane, fill) in enumerate(
            zip(planes, scene.frame.fill, strict=True)
        ):
            values = np.where(inside, weights.read(plane), np.float32(fill))
            part = rounded(values, image.dtype)
            image[top : top + ROWS, :, channel] = part
    return Scene(image, label, scene.frame)


class _Bilinear:
    """Interpolates planes at points; the border pixels continue outside."""

    def __init__(self, rows: np.ndarray, columns: np.ndarray, size: tuple[int, int]):
        height, width = size
        half = np.float32(0.5)
        row = np.clip(rows - half, 0, height - 1)
        column = np.clip(columns - half, 0, width - 1)
        top, left = row.astype(np.intp), column.astype(np.intp)
        self.down = row - top.astype(np.float32)
        self.right = column - left.astype(np.float32)
        below = np.where(top < height - 1, width, 0)
        first = top * width + left
        second = first + (left < width - 1)
        self.corners = (first, second, first + below, second + below)

    def read(self, plane: np.ndarray) -> np.ndarray:
        """Returns the values of a flat plane, float32."""
        upper, upper_right, lower, lower_right = (
            plane.take(corner).astype(np.float32) for corner in self.corners
        )
        upper += self.right * (upper_right - upper)
        lower += self.right * (lower_right - lower)
        return upper + self.down * (lower - upper)


def _inside(rows: np.ndarray, columns: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return (rows >= 0) & (rows < size[0]) & (columns >= 0) & (columns < size[1])


def _nearest(
    rows: np.ndarray, columns: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """Returns the flat index of the pixel that contains each point, or the closest."""
    row = np.clip(rows, 0, size[0] - 1).astype(np.intp)
    return row * size[1] + np.clip(columns, 0, size[1] - 1).astype(np.intp)


def rounded(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Returns float32 values converted to the type of stored pixels.

    For integer types, values are rounded, and halves are rounded up.

    Args:
      values: The values, float32, inside the range of the type.
      dtype: The type of the result.
    """
    if not np.issubdtype(dtype, np.integer):
        return values.astype(dtype)
    return np.floor(values + np.float32(0.5)).astype(dtype)
