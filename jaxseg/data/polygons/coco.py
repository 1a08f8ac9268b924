"""Reads COCO files: JSON files that list images, categories and annotations.

A polygon is a list of coordinates x0, y0, x1, y1 and so on. Several polygons of an
annotation are parts of one object; the format cannot describe holes. Regions with
crowds of objects have run-length encoded masks.

References:
  https://cocodataset.org/#format-data, object detection.
"""

from __future__ import annotations

import pathlib
from collections import defaultdict

from jaxseg.data.polygons.annotation import AnnotatedImage, Ring, Shape
from jaxseg.data.polygons.fields import Place, open_json
from jaxseg.data.polygons.rle import decode_rle


def read_coco(path: pathlib.Path) -> tuple[tuple[str, ...], list[AnnotatedImage]]:
    """Reads a COCO file of instance annotations.

    Args:
      path: The JSON file.

    Returns:
      A tuple of the names of the categories, sorted by their ids, and a list of the
      annotated images in the order of the file. Images without annotations are
      included.

    Raises:
      ValueError: If a field is missing or invalid, or an annotation refers to an image
        or category that the file does not list. The message names the position in the
        file.
    """
    root = open_json(path)
    names = {}
    for place in root.need("categories").items():
        names[place.need("id").value] = place.need("name").text()
    images = {image.need("id").value: image for image in root.need("images").items()}
    found: dict[object, list[Shape]] = defaultdict(list)
    for place in root.need("annotations").items():
        image, category = place.need("image_id"), place.need("category_id")
        if image.value not in images:
            raise image.error("the id of an image that the file lists")
        if category.value not in names:
            raise category.error("the id of a category that the file lists")
        size = _size(images[image.value])
        shape = _shape(place.need("segmentation"), names[category.value], size)
        found[image.value].append(shape)
    return tuple(names[number] for number in sorted(names)), [
        AnnotatedImage(
            name=image.need("file_name").text(),
            size=_size(image),
            shapes=tuple(found[number]),
            origin=str(path),
        )
        for number, image in images.items()
    ]


def _size(image: Place) -> tuple[int, int]:
    return image.need("height").side(), image.need("width").side()


def _shape(place: Place, label: str, size: tuple[int, int]) -> Shape:
    if isinstance(place.value, list):
        rings = tuple(_ring(ring) for ring in place.items())
        return Shape(label, rings, union=True)
    height, width = (side.side() for side in place.need("size").items())
    if (height, width) != size:
        raise place.get("size").error(
            f"{list(size)}, the height and width of the image"
        )
    try:
        return Shape(label, mask=decode_rle(place.value))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{place.address} cannot be decoded: {error}.") from error


def _ring(place: Place) -> Ring:
    numbers = [number.real() for number in place.items()]
    if len(numbers) % 2 or len(numbers) < 6:
        raise place.error("x0, y0, x1, y1, ... of at least three points")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))
