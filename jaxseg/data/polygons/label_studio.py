"""Reads annotations that Label Studio has exported in its format "JSON".

The file contains a list of tasks, one for each image. Coordinates are percentages of
the width and height of the image. A brush mask is a bit stream in which the bytes of an
RGBA image are run-length encoded. The painted shape consists of the pixels whose alpha
value is not zero.

References:
  https://labelstud.io/guide/export and the brush format of HumanSignal/label-studio-sdk
  (`converter/brush.py`).
"""

from __future__ import annotations

import math
import pathlib
import urllib.parse

import numpy as np

from jaxseg.data.polygons.annotation import AnnotatedImage, Ring, Shape
from jaxseg.data.polygons.fields import Place, open_json
from jaxseg.data.polygons.labelme import SIDES, rectangle

KINDS = ("polygonlabels", "rectanglelabels", "ellipselabels", "brushlabels")


def read_label_studio(path: pathlib.Path) -> list[AnnotatedImage]:
    """Reads a Label Studio export and returns a list of its annotated images.

    The function uses the first annotation of each task that was not cancelled. It
    reads polygons, rectangles, ellipses and brush masks.

    Args:
      path: The JSON file.

    Raises:
      ValueError: If a field is missing or invalid, or a task has no annotated region,
        so that the size of its image is unknown. The message names the position in the
        file.
    """
    return [_image(task, str(path)) for task in open_json(path).items()]


def _image(task: Place, origin: str) -> AnnotatedImage:
    regions = []
    for annotation in task.need("annotations").items():
        if not annotation.get("was_cancelled", False).value:
            results = annotation.need("result").items()
            regions = [r for r in results if r.get("type").value in KINDS]
            break
    if not regions:
        raise ValueError(
            f"{task.address} has no annotated region, so that the size of its image "
            "is unknown. Annotate it, or leave it out of the export."
        )
    height = regions[0].need("original_height").side()
    width = regions[0].need("original_width").side()
    shapes = tuple(_shape(region, (height, width)) for region in regions)
    data = task.need("data")
    if not isinstance(data.value, dict):
        raise data.error("a JSON object")
    addresses = [value for value in data.value.values() if isinstance(value, str)]
    address = data.value.get("image", addresses[0] if addresses else "")
    name = pathlib.PurePosixPath(urllib.parse.unquote(address.partition("?")[0])).name
    return AnnotatedImage(
        _without_prefix(name), size=(height, width), shapes=shapes, origin=origin
    )


def _without_prefix(name: str) -> str:
    """Removes the eight hexadecimal digits before the name of an uploaded file."""
    head, dash, tail = name.partition("-")
    hexadecimal = len(head) == 8 and all(c in "0123456789abcdef" for c in head)
    return tail if dash and hexadecimal and tail else name


def _shape(region: Place, size: tuple[int, int]) -> Shape:
    kind = region.need("type").text()
    value = region.need("value")
    labels = value.need(kind).items()
    if len(labels) != 1:
        raise value.get(kind).error("one label per region")
    label = labels[0].text()
    if kind == "brushlabels":
        return Shape(label, mask=_brush(value.need("rle"), size))
    return Shape(label, (_ring(kind, value, size),))


def _ring(kind: str, value: Place, size: tuple[int, int]) -> Ring:
    down, across = size[0] / 100, size[1] / 100
    if kind == "polygonlabels":
        return tuple((x * across, y * down) for x, y in value.need("points").points())
    x, y = value.need("x").real() * across, value.need("y").real() * down
    angle = math.radians(value.get("rotation", 0).real())
    if kind == "rectanglelabels":
        wide = value.need("width").real() * across
        high = value.need("height").real() * down
        ring, pivot = rectangle((x, y), (x + wide, y + high)), (x, y)
    else:
        a, b = (
            value.need("radiusX").real() * across,
            value.need("radiusY").real() * down,
        )
        angles = (2 * math.pi * k / SIDES for k in range(SIDES))
        ring = tuple((x + a * math.cos(t), y + b * math.sin(t)) for t in angles)
        pivot = (x, y)
    return tuple(_rotated(point, pivot, angle) for point in ring)


def _rotated(point: tuple[float, float], pivot: tuple[float, float], angle: float):
    x, y = point[0] - pivot[0], point[1] - pivot[1]
    cosine, sine = math.cos(angle), math.sin(angle)
    return pivot[0] + x * cosine - y * sine, pivot[1] + x * sine + y * cosine


def _brush(place: Place, size: tuple[int, int]) -> np.ndarray:
    """Decodes a brush mask, bool [H, W]."""
    data = [number.real() for number in place.items()]
    if any(number != int(number) or not 0 <= number <= 255 for number in data):
        raise place.error("a list of whole numbers from 0 to 255")
    bits = _Bits(np.unpackbits(np.array(data, np.uint8)))
    expected = 4 * size[0] * size[1]
    try:
        count, word = bits.take(32), bits.take(5) + 1
        lengths = [bits.take(4) + 1 for _ in range(4)]
        if count != expected:
            raise place.error(f"a mask of {size[0]} x {size[1]} pixels in RGBA")
        values = np.zeros(count, np.uint8)
        done = 0
        while done < count:
            repeated = bits.take(1)
            end = done + 1 + bits.take(lengths[bits.take(2)])
            if end > count:
                raise place.error("runs of pixel values that end within the image")
            if repeated:
                values[done:end] = bits.take(word)
            else:
                values[done:end] = [bits.take(word) for _ in range(end - done)]
            done = end
    except EOFError:
        raise place.error(
            "a brush mask with a value for each pixel of the image"
        ) from None
    return values.reshape(*size, 4)[..., 3] > 0


class _Bits:
    """Reads integers from a stream of bits, with the highest bit first."""

    def __init__(self, bits: np.ndarray):
        self.bits, self.place = bits, 0

    def take(self, count: int) -> int:
        part = self.bits[self.place : self.place + count]
        if len(part) < count:
            raise EOFError
        self.place += count
        return int("".join(map(str, part)), 2)
