"""Draws shapes as label maps.

A pixel belongs to a ring if the center of the pixel is inside the ring. If two regions
have a common edge, each pixel at the edge therefore belongs to exactly one of them. The
polygon functions of Pillow and OpenCV behave differently, because they also draw the
outline.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from jaxseg.data.ignore_index import void_of
from jaxseg.data.polygons.annotation import AnnotatedImage, DrawRules, Ring, Shape


def fill_rings(
    rings: Iterable[Ring], size: tuple[int, int], *, union: bool = False
) -> np.ndarray:
    """Returns which pixels of an image are inside the given rings.

    Args:
      rings: Closed rings of (x, y) points in pixels. A ring of fewer than three points
        contains no pixel.
      size: The (H, W) of the image.
      union: If True, a pixel inside any ring counts. By default a pixel counts if it is
        inside an odd number of rings, so a ring inside another ring is a hole.

    Returns:
      Bool [H, W].
    """
    inside = np.zeros(size, bool)
    for ring in rings:
        one = _fill(np.asarray(ring, np.float64).reshape(-1, 2), size)
        inside = inside | one if union else inside ^ one
    return inside


def _fill(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Returns the pixels whose centers are inside one ring, by the even-odd rule.

    Each edge switches between inside and outside for all centers to its right, so the
    running parity of the switches in a row fills the ring.
    """
    height, width = size
    switches = np.zeros((height, width + 1), bool)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        low, high = min(y0, y1), max(y0, y1)
        first = max(int(np.ceil(low - 0.5)), 0)
        last = min(int(np.ceil(high - 0.5)), height)  # An end belongs to one edge.
        if first >= last:
            continue
        rows = np.arange(first, last)
        crossing = x0 + (rows + 0.5 - y0) * ((x1 - x0) / (y1 - y0))
        columns = np.clip(np.ceil(crossing - 0.5), 0, width).astype(int)
        switches[rows, columns] ^= True
    return np.logical_xor.accumulate(switches, axis=1)[:, :width]


def shape_pixels(shape: Shape, size: tuple[int, int]) -> np.ndarray:
    """Returns which pixels of an image belong to a shape, bool [H, W]."""
    if shape.mask is not None:
        return shape.mask
    return fill_rings(shape.rings, size, union=shape.union)


def draw_labels(image: AnnotatedImage, rules: DrawRules) -> np.ndarray:
    """Draws the shapes of an image as a label map.

    Args:
      image: The annotated image.
      rules: The classes, and the rules for pixels outside of all shapes and for pixels
        inside several shapes.

    Returns:
      Labels [H, W], uint8 with 255 for void, or uint16 with 65535 for void if there
      are more than 255 classes.

    Raises:
      ValueError: If the label of a shape is neither a class nor void.
    """
    numbers = {name: number for number, name in enumerate(rules.classes)}
    void = void_of(len(rules.classes))
    numbers |= dict.fromkeys((*rules.void_labels, "void"), void)
    drawn = []
    for shape in image.shapes:
        if shape.label not in numbers:
            raise ValueError(
                f"{image.origin}: image {image.name!r} has a shape with the label "
                f"{shape.label!r}: expected one of {', '.join(rules.classes)}. Add the "
                "label to the classes, or to the labels that are void."
            )
        drawn.append((numbers[shape.label], shape_pixels(shape, image.size)))
    if rules.overlap == "smaller":
        drawn.sort(key=lambda pair: -int(pair[1].sum()))  # The smallest comes last.
    labels = np.full(image.size, numbers[rules.outside], np.min_scalar_type(void))
    seen = np.zeros(image.size, bool)
    for number, pixels in drawn:
        clash = pixels & seen & (labels != number)
        labels[pixels] = number
        if rules.overlap == "void":
            labels[clash] = void
        seen |= pixels
    return labels
