"""Shows images of any type and number of channels as 8-bit RGB."""

from __future__ import annotations

import numpy as np


def as_rgb(
    image: np.ndarray, value_range: tuple[float, float] = (0, 255)
) -> np.ndarray:
    """Converts an image to 8-bit RGB for viewing.

    The first three channels are shown as red, green and blue. If an image has one or
    two channels, the first one is shown in gray. Values are mapped linearly from
    `value_range` to 0 to 255.

    Args:
      image: [H, W, C] of any number type. 8-bit RGB is returned unchanged.
      value_range: The two pixel values that become black and white.

    Returns:
      uint8 [H, W, 3].

    >>> as_rgb(np.array([[[0], [500], [1000]]], np.uint16), (0, 1000))[0, :, 0].tolist()
    [0, 128, 255]
    """
    low, high = value_range
    shown = image[..., :3] if image.shape[-1] >= 3 else image[..., :1]
    if image.dtype != np.uint8 or (low, high) != (0, 255):
        unit = (shown.astype(np.float64) - low) / (high - low)
        shown = np.floor(255 * np.clip(unit, 0, 1) + 0.5).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(shown, (*image.shape[:2], 3)))
