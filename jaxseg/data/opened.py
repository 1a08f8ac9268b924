"""Represents one stored example, whose pixels are decoded only where needed."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxseg.data.area import Area
from jaxseg.data.decoder import Decoder


class Opened:
    """Represents an example that has been read; its pixels are decoded when needed.

    Args:
      decoder: The functions that decode the stored example.
      record: The stored example. It is not used if `pixels` is given.
      pixels: The decoded example {"image", "label", "id"}, or None.
    """

    def __init__(
        self,
        decoder: Decoder,
        record: Mapping[str, Any],
        pixels: dict[str, Any] | None = None,
    ) -> None:
        self.decoder = decoder
        self.record = record
        self.pixels = pixels

    @property
    def id(self) -> str:
        """Returns the name of the example."""
        return self.pixels["id"] if self.pixels else self.record["id"].decode()

    @functools.cached_property
    def size(self) -> tuple[int, int]:
        """Returns the (H, W) of the image in pixels."""
        if self.pixels is not None:
            return self.pixels["label"].shape[:2]
        return self.decoder.size(self.record)

    def image(self, area: Area) -> np.ndarray:
        """Returns the pixels of a part of the image, [h, w, C].

        Args:
          area: The rows and columns of the part.
        """
        return self._area("image", area)

    def label(self, area: Area) -> np.ndarray:
        """Returns the labels of the pixels in a part of the image, [h, w].

        Args:
          area: The rows and columns of the part.
        """
        return self._area("label", area)

    def read(self, area: Area) -> dict[str, Any]:
        """Returns a part of the image and its labels.

        Args:
          area: The rows and columns of the part.

        Returns:
          {"image": [h, w, C], "label": [h, w], "id": the name of the example}.
        """
        return {"image": self.image(area), "label": self.label(area), "id": self.id}

    def _area(self, name: str, area: Area) -> np.ndarray:
        if self.pixels is not None:
            return area.of(self.pixels[name])
        return self.decoder.area(self.record, name, area)
