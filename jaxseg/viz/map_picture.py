"""Draws a map of numbers for each pixel of an image, with a color scale."""

from __future__ import annotations

import numpy as np

from jaxseg.viz import charts

DOTS = 144  # Pixels of a figure in an inch.
SHORTEST, LONGEST = 512, 2048  # Limits of the longer side of the map, in pixels.
MARGINS = (1.9, 1.0)  # The room for the scale and for titles, in inches.


def map_picture(
    values: np.ndarray, *, title: str, high: float, low: float = 0.0
) -> np.ndarray:
    """Draws a map of numbers in the colors of viridis, with a color scale.

    Args:
      values: The number at each pixel, [H, W]. Numbers below `low` or above `high` get
        the color of the nearer end of the scale.
      title: The title of the color scale, with the unit.
      high: The value of the brightest color.
      low: The value of the darkest color.

    Returns:
      The picture, uint8 [H', W', 3].
    """
    chart = charts.HeatMap(
        values,
        charts.Axis(title, limits=(low, high)),
        x=charts.Axis("column [pixel]"),
        y=charts.Axis("row [pixel]"),
    )
    longer = max(values.shape)
    inches = min(max(longer, SHORTEST), LONGEST) / DOTS / longer
    height, width = (max(side * inches, 0.8) for side in values.shape)
    layout = charts.Layout(width=width + MARGINS[0], height=height + MARGINS[1])
    return charts.pixels(chart, layout)
