"""Drawing shapes as label maps.

A pixel belongs to a ring if its center is inside. Two regions that share an edge
therefore share no pixel and leave none out, which does not hold for the polygon
functions of Pillow and OpenCV: they draw the outline as well.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from jaxseg.data.polygons.annotation import AnnotatedImage, DrawRules, Ring, Shape
from jaxseg.data.spec import VOID


def fill_rings(
    rings: Iterable[Ring], size: tuple[int, int], *, union: bool = False
) -> np.ndarray:
    """Finds the pixels inside rings.

    Args:
      rings: Closed rings of (x, y) points in pixels. A ring of fewer than three points
        has no inside.
      size: (H, W) of the image.
      union: Whether a pixel inside any ring counts. By default a pixel counts if it is
        inside an odd number of rings, so that a ring inside another one is a hole.

    Returns:
      bool [H, W].
    """
    inside = np.zeros(size, bool)
    for ring in rings:
        one = _fill(np.asarray(ring, np.float64).reshape(-1, 2), size)
        inside = inside | one if union else inside ^ one
    return inside


def _fill(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The pixels whose centers are inside one ring, by the even-odd rule.

    Each edge switches inside and outside for all centers to its right, so that the
    running parity of a row of switches is the fill.
    """
    height, width = size
    switches = np.zeros((height, width + 1), bool)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        low, high = min(y0, y1), max(y0, y1)
        first = max(int(np.ceil(low - 0.5)), 0)
        last = min(int(np.ceil(high - 0.5)), height)  # an end belongs to one edge only
        if first >= last:
            continue
        rows = np.arange(first, last)
        crossing = x0 + (rows + 0.5 - y0) * ((x1 - x0) / (y1 - y0))
        columns = np.clip(np.ceil(crossing - 0.5), 0, width).astype(int)
        switches[rows, columns] ^= True
    return np.logical_xor.accumulate(switches, axis=1)[:, :width]


def shape_pixels(shape: Shape, size: tuple[int, int]) -> np.ndarray:
    """Returns the pixels of a shape, bool [H, W]."""
    if shape.mask is not None:
        return shape.mask
    return fill_rings(shape.rings, size, union=shape.union)


def draw_labels(image: AnnotatedImage, rules: DrawRules) -> np.ndarray:
    """Draws the shapes of an image as a label map.

    Args:
      image: The annotated image.
      rules: The class list and what happens outside shapes and where shapes overlap.

    Returns:
      Labels, uint8 [H, W], 255 for void.

    Raises:
      ValueError: If a shape has a label that is neither a class nor void.
    """
    numbers = {name: number for number, name in enumerate(rules.classes)}
    numbers |= dict.fromkeys((*rules.void_labels, "void"), VOID)
    drawn = []
    for shape in image.shapes:
        if shape.label not in numbers:
            raise ValueError(
                f"{image.origin}: image {image.name!r} has a shape with the label "
                f"{shape.label!r}, which is not a class; expected one of "
                f"{', '.join(rules.classes)}. Add it to the classes, or to the labels "
                "that are void."
            )
        drawn.append((numbers[shape.label], shape_pixels(shape, image.size)))
    if rules.overlap == "smaller":
        drawn.sort(key=lambda pair: -int(pair[1].sum()))  # the smallest is drawn last
    labels = np.full(image.size, numbers[rules.outside], np.uint8)
    seen = np.zeros(image.size, bool)
    for number, pixels in drawn:
        clash = pixels & seen & (labels != number)
        labels[pixels] = number
        if rules.overlap == "void":
            labels[clash] = VOID
        seen |= pixels
    return labels
