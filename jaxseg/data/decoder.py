"""Defines how the stored bytes of an example are decoded to pixels."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jaxseg.data import rasters

Record = Mapping[str, Any]


def _image(record: Record) -> np.ndarray:
    return rasters.decode(record["image"])


def _label(record: Record) -> np.ndarray:
    return rasters.decode(record["label"])


def _size(record: Record) -> tuple[int, int]:
    return rasters.size_of(record["image"])


@dataclasses.dataclass(frozen=True)
class Decoder:
    """Decodes the entries of a stored example.

    The default functions decode the data that jaxseg has prepared.

    Attributes:
      image: Returns the image, uint8 [H, W, 3].
      label: Returns the labels, uint8 [H, W], with 255 for void.
      size: Returns the (H, W) of the image without decoding its pixels.
    """

    image: Callable[[Record], np.ndarray] = _image
    label: Callable[[Record], np.ndarray] = _label
    size: Callable[[Record], tuple[int, int]] = _size


STORED = Decoder()  # Decodes what `jaxseg.data.prepare` stores.
