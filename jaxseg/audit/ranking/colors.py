"""Compares the colors inside a region of a mask with the colors around it.

Even if the networks do not recognize a region, its colors can differ from those around
it and show where it ends, as in GrabCut (Rother et al., 2004).
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

LEVELS = 8  # per channel
NEAR = 6.0  # Pixels nearer to the border, in grid points, count less.
LIMIT = 1.0  # Log-ratios of frequencies are clipped to this absolute value.
LEAST = 0.01  # The share of all counts that is spread over all colors.


def as_rgb(image: np.ndarray, value_range: tuple[float, float]) -> np.ndarray:
    """Converts the first three channels of an image to uint8 [h, w, 3].

    Args:
      image: The pixels as stored, [h, w, C]. With fewer than three channels, the first
        is shown in gray.
      value_range: The values that become 0 and 255, unless the image is uint8.
    """
    image = image[..., :3] if image.shape[-1] >= 3 else np.repeat(image[..., :1], 3, -1)
    if image.dtype == np.uint8:
        return np.ascontiguousarray(image)
    low, high = value_range
    return np.rint(255 * np.clip((image - low) / (high - low), 0, 1)).astype(np.uint8)


def color_numbers(image: np.ndarray, stride: int) -> np.ndarray:
    """Returns a quantized color for each point of a coarse grid of pixels.

    Args:
      image: The image, uint8 [H, W, 3].
      stride: The distance between neighboring grid points in pixels. Colors are
        averaged over squares with this side.

    Returns:
      A number from 0 to LEVELS**3 - 1 for the color of each grid point, int [h, w].
    """
    smooth = ndimage.uniform_filter(image.astype(np.float32), (stride, stride, 1))
    levels = (smooth[::stride, ::stride] * (LEVELS / 256)).astype(np.int64)
    return (levels * [LEVELS**2, LEVELS, 1]).sum(-1)


def color_ratios(
    colors: np.ndarray, region: np.ndarray, counts: np.ndarray, reach: int
) -> np.ndarray:
    """Compares how frequent each color is inside a region and in a band around it.

    Args:
      colors: The quantized color of each grid point, as `color_numbers` returns it.
      region: Whether a grid point is inside the region of the mask, bool [h, w].
      counts: Whether a grid point is used, bool [h, w].
      reach: Half the width of the band in grid points.

    Returns:
      log(frequency inside / frequency around) of the color of each grid point, [h, w];
      0 at points that are not used.
    """
    inside = ndimage.distance_transform_edt(region)
    outside = ndimage.distance_transform_edt(~region)
    within = np.clip(inside / NEAR, 0, 1)
    around = np.clip(outside / NEAR, 0, 1) * (counts & (outside <= 2 * reach))
    ratio = np.log(_frequencies(colors, within) / _frequencies(colors, around))
    return np.where(counts, np.clip(ratio, -LIMIT, LIMIT)[colors], 0.0)


def _frequencies(colors: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Returns the smoothed frequency of each color, [LEVELS**3]."""
    sums = np.bincount(
        colors.ravel(), weights=weights.ravel(), minlength=LEVELS**3
    ).reshape((LEVELS,) * 3)
    smooth = ndimage.gaussian_filter(sums, 0.7).ravel()
    smooth += (LEAST * smooth.sum() + 1e-6) / LEVELS**3
    return smooth / smooth.sum()
