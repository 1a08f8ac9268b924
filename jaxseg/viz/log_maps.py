"""Draws maps of positive numbers side by side, in a few milliseconds.

The colors of all maps follow the same logarithmic scale relative to the largest number
of each map, so that pictures of different training steps can be compared. Pillow draws
them, because matplotlib would take a hundred times as long.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from jaxseg.viz.canvas import INK, PAPER, paper, typeface, viridis

DECADES = 6  # The scale ends at this power of ten below the largest number.
SIDE = 420  # The longer side of a drawn map, in pixels.
LEFT, TOP, BOTTOM, GAP = 56, 30, 46, 24
BAR, LETTER, LINE = 14, 13, 18
CHARACTER = 7  # The width of a character, in pixels.


@dataclasses.dataclass(frozen=True)
class LogMap:
    """A map of positive numbers with titles.

    Attributes:
      values: The numbers, [H, W].
      title: The title above the map.
      x: The title of the horizontal axis, with the unit.
      y: The title of the vertical axis, with the unit.
      extent: The coordinates of the left, right, upper and lower edges. None counts the
        pixels.
    """

    values: np.ndarray
    title: str
    x: str
    y: str
    extent: tuple[float, float, float, float] | None = None


def log_maps_png(maps: Sequence[LogMap]) -> bytes:
    """Draws maps side by side, with their color scale on the right, as a PNG file.

    Args:
      maps: The maps, all of the same shape. Each needs a positive number.
    """
    images = [_colored(drawn.values) for drawn in maps]
    height, width = images[0].shape[:2]
    step = LEFT + width + GAP
    scale = BAR + GAP + 12 * CHARACTER
    picture, draw = paper(TOP + height + BOTTOM, len(maps) * step + scale)
    for number, (drawn, image) in enumerate(zip(maps, images, strict=True)):
        left = number * step + LEFT
        picture.paste(Image.fromarray(image), (left, TOP))
        draw.text((left, 6), drawn.title, fill=INK, font=typeface(LETTER))
        _label(picture, drawn, left=left, size=(height, width))
    left = len(maps) * step
    column = np.repeat(np.linspace(1, 0, height)[:, None], BAR, axis=1)
    picture.paste(Image.fromarray(viridis(column)), (left, TOP))
    for power in range(0, DECADES + 1, 2):
        row = TOP + (height - LETTER) * power / DECADES
        word = "largest" if power == 0 else f"1e-{power}"
        draw.text((left + BAR + 6, row - 2), word, fill=INK, font=typeface(LETTER))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def _colored(values: np.ndarray) -> np.ndarray:
    """Returns the colors of a map, enlarged or reduced to about `SIDE` pixels."""
    values = np.asarray(values, np.float64)
    values = (values / np.nanmax(values)).astype(np.float32)
    longer = max(values.shape)
    if longer > SIDE:
        size = tuple(max(1, round(n * SIDE / longer)) for n in values.shape[::-1])
        values = np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BOX))
        longer, values = SIDE, values / values.max()
    share = 1 + np.log10(np.maximum(values, 10.0**-DECADES)) / DECADES
    times = max(1, SIDE // longer)
    return viridis(share).repeat(times, axis=0).repeat(times, axis=1)


def _label(picture: Image.Image, drawn: LogMap, left: int, size: tuple[int, int]):
    """Writes the titles of both axes and the coordinates at their ends."""
    height, width = size
    rows, columns = drawn.values.shape
    first, last, upper, lower = drawn.extent or (0, columns, 0, rows)
    draw = ImageDraw.Draw(picture)
    font, below = typeface(LETTER), TOP + height + 4
    draw.text((left, below), f"{first:g}", fill=INK, font=font)
    end = f"{last:g}"
    draw.text((left + width - CHARACTER * len(end), below), end, fill=INK, font=font)
    middle = left + (width - CHARACTER * len(drawn.x)) // 2
    draw.text((middle, below + LINE), drawn.x, fill=INK, font=font)
    for text, row in ((f"{upper:g}", TOP - 2), (f"{lower:g}", TOP + height - LINE)):
        draw.text((left - 8 - CHARACTER * len(text), row), text, fill=INK, font=font)
    word = Image.new("RGB", (CHARACTER * len(drawn.y), LINE), PAPER)
    ImageDraw.Draw(word).text((0, 0), drawn.y, fill=INK, font=font)
    turned = word.rotate(90, expand=True)
    picture.paste(turned, (left - LEFT + 4, TOP + (height - turned.height) // 2))
