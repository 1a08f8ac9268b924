"""Reads the annotation files of labelme and Cityscapes, each of which is for one image.

Lines and points of labelme are refused, because the file does not state their width.

References:
  wkentaro/labelme (`labelme/label_file.py`, `labelme/utils/shape.py`) and
  mcordts/cityscapesScripts (`helpers/annotation.py`).
"""

from __future__ import annotations

import base64
import binascii
import math
import pathlib

import numpy as np

from jaxseg.data import rasters
from jaxseg.data.polygons.annotation import AnnotatedImage, Ring, Shape
from jaxseg.data.polygons.fields import Place, open_json

PNG = b"\x89PNG"  # the first bytes of a file
# A polygon of this many sides differs from a circle by less than 0.1 % of the radius.
SIDES = 72


def read_labelme(path: pathlib.Path) -> AnnotatedImage:
    """Reads a labelme file of one image.

    Polygons, rectangles, circles and painted masks are read.

    Args:
      path: The JSON file.

    Raises:
      ValueError: If a field is missing or invalid, or a shape is a point or a line,
        which has no area. The message names the position in the file.
    """
    root = open_json(path)
    size = root.need("imageHeight").side(), root.need("imageWidth").side()
    shapes = [_labelme_shape(place, size) for place in root.need("shapes").items()]
    name = root.need("imagePath").text().replace("\\", "/").rpartition("/")[2]
    return AnnotatedImage(name, size, tuple(shapes), origin=str(path))


def read_cityscapes_polygons(path: pathlib.Path) -> AnnotatedImage:
    """Reads a `*_polygons.json` file of Cityscapes, or of IDD, which uses its format.

    Objects that are marked as deleted are left out. Labels of groups, such as
    "cargroup" for cars that annotators could not separate, keep their names.

    Args:
      path: The JSON file.

    Raises:
      ValueError: If a field is missing or invalid. The message names the position in
        the file.
    """
    root = open_json(path)
    size = root.need("imgHeight").side(), root.need("imgWidth").side()
    objects = root.need("objects").items()
    shapes = tuple(
        Shape(place.need("label").text(), (place.need("polygon").points(),))
        for place in objects
        if not place.get("deleted", 0).value
    )
    name = path.stem.removesuffix("_polygons")
    name = name.removesuffix("_gtFine").removesuffix("_gtCoarse")
    return AnnotatedImage(name, size, shapes, origin=str(path))


def _labelme_shape(place: Place, size: tuple[int, int]) -> Shape:
    label = place.need("label").text()
    kind = place.get("shape_type", "polygon")
    points = place.need("points").points()
    if kind.value == "mask":
        return Shape(label, mask=_painted(place, points, size))
    if kind.value == "polygon" and len(points) >= 3:
        return Shape(label, (points,))
    if kind.value == "rectangle" and len(points) == 2:
        return Shape(label, (rectangle(*points),))
    if kind.value == "circle" and len(points) == 2:
        return Shape(label, (_circle(*points),))
    if kind.value in ("polygon", "rectangle", "circle"):
        number = "3 or more" if kind.value == "polygon" else "2"
        raise place.get("points").error(f"{number} points for a {kind.value}")
    raise kind.error("'polygon', 'rectangle', 'circle' or 'mask', which have an area")


def rectangle(one: tuple[float, float], other: tuple[float, float]) -> Ring:
    """Returns the outline of a rectangle from two opposite corners (x, y) in pixels."""
    (x0, y0), (x1, y1) = one, other
    return ((x0, y0), (x1, y0), (x1, y1), (x0, y1))


def _circle(center: tuple[float, float], edge: tuple[float, float]) -> Ring:
    radius = math.dist(center, edge)
    angles = (2 * math.pi * k / SIDES for k in range(SIDES))
    return tuple(
        (center[0] + radius * math.cos(a), center[1] + radius * math.sin(a))
        for a in angles
    )


def _painted(place: Place, points: Ring, size: tuple[int, int]) -> np.ndarray:
    """Decodes a painted mask, a PNG in base64 at the corner of its bounding box."""
    encoded = place.need("mask")
    left, top = (round(value) for value in points[0])
    mask, part = np.zeros(size, bool), None
    try:
        data = base64.b64decode(encoded.text())
        if not data.startswith(PNG):
            raise ValueError(
                "expected a PNG, because other formats can change the pixels"
            )
        height, width = rasters.size_of(data)
        window = mask[top : top + height, left : left + width]
        fits = min(left, top) >= 0 and window.shape == (height, width)
        if fits:  # Only then is the size of the pixels bounded.
            part = rasters.decode(data) > 0
    except (binascii.Error, OSError, ValueError) as error:
        raise ValueError(f"{encoded.address} is not a PNG in base64.") from error
    if part is None or part.shape != window.shape:
        raise place.get("points").error(
            "a box inside the image with the size of the mask"
        )
    window[:] = part
    return mask
