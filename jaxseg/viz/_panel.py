"""Draws a picture of an image, its label and its prediction, with a legend."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxseg.viz._enlarge import VISIBLE, enlarge
from jaxseg.viz._overlay import overlay, overlay_present

GAP = 4  # White pixels between the parts.
LINE = 20  # The height of one line of the legend, in pixels.
LISTED = 30  # A legend with more classes would hide the picture.


def panel(
    image: np.ndarray,
    label: np.ndarray,
    prediction: np.ndarray,
    palette,
    *,
    names: tuple[str, ...] = (),
    alpha: float = 0.5,
    void: int = 255,
    least: int = VISIBLE,
) -> np.ndarray:
    """Draws an image side by side with overlays of its label and of its prediction.

    Args:
      image: uint8 [H, W, 3].
      label: Integers [H, W]. Void pixels show the image. If classes can overlap, the
        label and the prediction are booleans [H, W, K] instead.
      prediction: Integers [H, W].
      palette: RGB colors of the classes, [K, 3].
      names: The names of the classes. The legend lists the classes that occur in the
        label or the prediction. There is no legend for more than 30 such classes.
      alpha: The weight of the class color in an overlay, from 0 (the image alone) to 1.
      void: The ignore index.
      least: The minimum length, in pixels, of the longer side of each of the three
        parts. The pixels of smaller images are repeated.

    Returns:
      uint8 [h, w, 3].

    Raises:
      ValueError: If the shapes or the number of names do not match.
    """
    if label.ndim == 3:
        draw = functools.partial(overlay_present, palette=palette, alpha=alpha)
    else:
        draw = functools.partial(overlay, palette=palette, alpha=alpha, void=void)
    parts = [image, draw(image, label), draw(image, prediction)]
    parts = [enlarge(part, least) for part in parts]
    gap = np.full((parts[0].shape[0], GAP, 3), 255, np.uint8)
    row = np.concatenate([parts[0], gap, parts[1], gap, parts[2]], axis=1)
    if not names:
        return row
    if len(names) != len(palette):
        raise ValueError(
            f"names={names} is invalid: expected {len(palette)} names, one per color."
        )
    present = np.union1d(_classes_in(label, void), _classes_in(prediction, void))
    entries = []
    for i in present:
        red, green, blue = (int(c) for c in palette[i])
        entries.append((names[i], (red, green, blue)))
    if len(entries) > LISTED:
        return row
    return np.concatenate([row, legend(entries, row.shape[1])], axis=0)


def _classes_in(label: np.ndarray, void: int) -> np.ndarray:
    if label.ndim == 3:
        return np.flatnonzero(label.any((0, 1)))
    return label[label != void]


def legend(
    entries: Sequence[tuple[str, tuple[int, int, int]]], width: int
) -> np.ndarray:
    """Draws color samples with names in lines of a given width.

    Args:
      entries: The name and the RGB color of each class.
      width: The width in pixels.

    Returns:
      uint8 [h, width, 3].
    """
    font = ImageFont.load_default(size=14)
    placed, x, y = [], GAP, GAP
    for name, color in entries:
        length = LINE + int(font.getlength(name)) + 2 * GAP
        if x > GAP and x + length > width:
            x, y = GAP, y + LINE
        placed.append((x, y, name, color))
        x += length
    picture = Image.new("RGB", (width, y + LINE), (255, 255, 255))
    draw = ImageDraw.Draw(picture)
    for x, y, name, color in placed:
        draw.rectangle((x, y, x + LINE - 6, y + LINE - 6), fill=color)
        draw.text((x + LINE - 2, y - 2), name, fill=(0, 0, 0), font=font)
    return np.asarray(picture)
