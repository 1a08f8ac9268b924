"""Provides a white picture, a font and colors for pictures that Pillow draws."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

INK, PAPER = (30, 30, 30), (255, 255, 255)
# Nine equidistant colors of matplotlib's viridis (Smith and van der Walt, CC0).
_VIRIDIS = np.array(
    [
        (68, 1, 84),
        (71, 44, 122),
        (59, 81, 139),
        (44, 113, 142),
        (33, 144, 141),
        (39, 173, 129),
        (92, 200, 99),
        (170, 220, 50),
        (253, 231, 37),
    ]
)


def viridis(share: np.ndarray) -> np.ndarray:
    """Maps numbers [...] to colors of the viridis scale, uint8 [..., 3].

    The scale extends from 0 (dark violet) to 1 (yellow). Other numbers get the color of
    the nearer end, and NaN becomes gray.
    """
    share = np.asarray(share, np.float64)
    place = np.clip(np.nan_to_num(share), 0, 1)
    knots = np.linspace(0, 1, len(_VIRIDIS))
    colors = np.stack([np.interp(place, knots, c) for c in _VIRIDIS.T], -1)
    colors[np.isnan(share)] = 128
    return np.rint(colors).astype(np.uint8)


def typeface(size: int) -> ImageFont.ImageFont:
    """Returns the font for text in pictures, in a size given in pixels."""
    return ImageFont.load_default(size=size)


def paper(height: int, width: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """Creates a white picture.

    Returns:
      The Pillow image, and the `ImageDraw` object that draws on it.
    """
    picture = Image.new("RGB", (width, height), PAPER)
    return picture, ImageDraw.Draw(picture)
