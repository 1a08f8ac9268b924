"""Draws the predicted classes after each step of an iterative method, such as a CRF."""

from __future__ import annotations

import numpy as np
from PIL import Image

from jaxseg.viz.canvas import INK, paper, typeface, viridis

TOP, MARGIN, LABEL = 24, 8, 110


def steps_picture(
    probabilities: np.ndarray, palette: np.ndarray, *, width: int = 320
) -> np.ndarray:
    """Draws a prediction after each step of an iterative method, one column per step.

    The first column shows the prediction before the first step. In each column, the
    upper picture shows the most probable class of each pixel, in the color of the
    class. The lower picture shows its probability, from 1 / K (dark) to 1 (bright).

    Args:
      probabilities: The class probabilities before the first step and after each step,
        [N, H, W, K].
      palette: The color of each class, [K, 3].
      width: The width of a column in pixels. The images are resized to it with the
        nearest-neighbor method.

    Returns:
      The picture, uint8 [H', W', 3].
    """
    count, high, wide, classes = probabilities.shape
    height = max(1, round(high * width / wide))
    rows = np.arange(height) * high // height
    columns = np.arange(width) * wide // width
    small = probabilities[:, rows][:, :, columns]
    colors = np.asarray(palette, np.uint8)[small.argmax(-1)]
    share = (small.max(-1) - 1 / classes) / (1 - 1 / max(classes, 2))
    canvas, draw = paper(TOP + 2 * (height + MARGIN), LABEL + count * (width + MARGIN))
    for step in range(count):
        left = LABEL + step * (width + MARGIN)
        title = "before" if step == 0 else f"iteration {step}"
        draw.text((left, 3), title, fill=INK, font=typeface(13))
        canvas.paste(Image.fromarray(colors[step]), (left, TOP))
        lower = Image.fromarray(viridis(share[step]))
        canvas.paste(lower, (left, TOP + height + MARGIN))
    draw.text((4, TOP), "classes", fill=INK, font=typeface(13))
    text = f"probability\n{1 / classes:.2f} to 1"
    draw.text((4, TOP + height + MARGIN), text, fill=INK, font=typeface(13))
    return np.asarray(canvas)
