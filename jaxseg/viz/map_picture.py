"""Draws a map of numbers with a scale, one pixel for each number."""

from __future__ import annotations

import numpy as np
from PIL import Image

from jaxseg.viz.figures import INK, number, paper, typeface, viridis

TOP, MARGIN, BAR, LABELS = 30, 10, 12, 70
SMALLEST = 60  # The scale needs some height, even beside a low image.


def map_picture(
    values: np.ndarray, *, title: str, high: float, low: float = 0.0
) -> np.ndarray:
    """Draws a map in the colors of viridis, beside a bar with the ends of the scale.

    Args:
      values: The map, [H, W]. Values outside of the scale get the color of its end.
      title: The title above the map, with the unit.
      high: The value of the brightest color.
      low: The value of the darkest color.

    Returns:
      The picture, uint8 [H', W', 3].
    """
    height, width = values.shape
    picture, draw = paper(
        max(height, SMALLEST) + TOP + MARGIN, width + MARGIN + BAR + LABELS, title
    )
    share = (np.asarray(values, np.float64) - low) / (high - low)
    picture.paste(Image.fromarray(viridis(share)), (MARGIN, TOP))
    long = max(height, SMALLEST)
    bar = viridis(np.linspace(1, 0, long))[:, None].repeat(BAR, 1)
    left = MARGIN + width + 8
    picture.paste(Image.fromarray(bar), (left, TOP))
    for text, y in ((number(high), TOP), (number(low), TOP + long - 12)):
        draw.text((left + BAR + 4, y), text, fill=INK, font=typeface(10))
    return np.asarray(picture)
