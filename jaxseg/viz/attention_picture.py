"""Draws what a pixel attends to: its attention weights as maps over the image."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PIL import Image

from jaxseg.viz._enlarge import enlarge
from jaxseg.viz.canvas import INK, paper, typeface, viridis
from jaxseg.viz.charts.axis import number

TOP, MARGIN, LINE, NARROW = 42, 10, 18, 260
MARK = (255, 40, 40)


def attention_picture(
    picture: np.ndarray,
    maps: Mapping[str, np.ndarray],
    point: tuple[int, int],
    *,
    notes: Mapping[str, str] | None = None,
) -> np.ndarray:
    """Draws the image and, beside it, the attention weights of a pixel in each layer.

    Args:
      picture: The image, uint8 [H, W, 3]. Small images are enlarged.
      maps: The weights of each layer, [h, w], by the name of the layer. Each map is
        enlarged to the image by repeating its cells. The largest weight has the
        brightest color, and 0 or a smaller weight has the darkest.
      point: The row and the column of the pixel whose attention weights are drawn. A
        red cross marks the pixel.
      notes: A line of text below each map, by the name of the layer.

    Returns:
      The picture, uint8 [H', W', 3].
    """
    small, picture = picture.shape[0], enlarge(picture)
    height, width = picture.shape[:2]
    point = tuple((2 * place + 1) * height // (2 * small) for place in point)
    step = max(width, NARROW) + MARGIN
    canvas, draw = paper(TOP + height + LINE + MARGIN, MARGIN + step * (1 + len(maps)))
    gray = np.repeat(picture.mean(-1, keepdims=True), 3, -1)
    panels = {"query": picture} | {
        name: _blended(gray, weights) for name, weights in maps.items()
    }
    for place, (name, panel) in enumerate(panels.items()):
        left = MARGIN + place * step
        canvas.paste(Image.fromarray(panel), (left, TOP))
        draw.text((left, 4), name, fill=INK, font=typeface(14))
        if name in maps:
            text = f"largest weight {number(float(maps[name].max()))}"
            draw.text((left, 22), text, fill=INK, font=typeface(13))
        below = (left, TOP + height + 2)
        draw.text(below, (notes or {}).get(name, ""), fill=INK, font=typeface(13))
        y, x = TOP + point[0], left + point[1]
        draw.line((x - 8, y, x + 8, y), fill=MARK, width=2)
        draw.line((x, y - 8, x, y + 8), fill=MARK, width=2)
    return np.asarray(canvas)


def _blended(gray: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Returns the colors of the weights, mixed with the gray image."""
    height, width = gray.shape[:2]
    rows = np.arange(height) * weights.shape[0] // height
    columns = np.arange(width) * weights.shape[1] // width
    share = weights / max(float(weights.max()), 1e-30)
    colors = viridis(share)[rows][:, columns]
    return np.rint(0.35 * gray + 0.65 * colors).astype(np.uint8)
