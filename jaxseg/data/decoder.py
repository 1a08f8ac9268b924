"""Defines how the stored bytes of an example are decoded to pixels."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jaxseg.data import rasters
from jaxseg.data.area import Area

Record = Mapping[str, Any]


def _image(record: Record) -> np.ndarray:
    return _with_channels(rasters.decode(record["image"]))


def _label(record: Record) -> np.ndarray:
    return rasters.decode(record["label"])


def _part(record: Record, name: str, area: Area) -> np.ndarray:
    pixels = rasters.decode(record[name], area)
    return _with_channels(pixels) if name == "image" else pixels


def _with_channels(pixels: np.ndarray) -> np.ndarray:
    """Returns [H, W, C] for the pixels of an image, which has no C if it is gray."""
    return pixels if pixels.ndim == 3 else pixels[..., None]


def _size(record: Record) -> tuple[int, int]:
    return rasters.size_of(record["image"])


@dataclasses.dataclass(frozen=True)
class Decoder:
    """Decodes the image and the label of a stored example.

    The first argument of all functions is the stored example. The default functions
    decode the images and labels of data that jaxseg has prepared.

    Attributes:
      image: A function that returns the image [H, W, C], of the type in the
        specification of the dataset.
      label: A function that returns the labels [H, W], with the ignore index for void.
      size: A function that returns the (H, W) of the image without decoding its pixels.
      part: A function that returns the pixels or labels inside an area. Its second
        argument is "image" or "label", and its third argument is the `Area`. If `part`
        is None, the whole array is decoded and then cut.
    """

    image: Callable[[Record], np.ndarray] = _image
    label: Callable[[Record], np.ndarray] = _label
    size: Callable[[Record], tuple[int, int]] = _size
    part: Callable[[Record, str, Area], np.ndarray] | None = None

    def area(self, record: Record, name: str, area: Area) -> np.ndarray:
        """Decodes a rectangle of a stored image or label.

        Args:
          record: The stored example.
          name: "image" or "label".
          area: The rectangle, in pixels of the whole image.

        Returns:
          The pixels, which equal those of the decoded whole image or label in this
          area.
        """
        if self.part is not None:
            return self.part(record, name, area)
        whole = self.image if name == "image" else self.label
        return area.of(whole(record))


STORED = Decoder(part=_part)  # Decodes what `jaxseg.data.prepare` stores.
