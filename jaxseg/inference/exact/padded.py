"""Pads an image that is read box by box, such as a large file."""

from __future__ import annotations

import dataclasses

import numpy as np

from jaxseg.inference.windows.grid import Box
from jaxseg.inference.windows.inputs import Pixels
from jaxseg.typing import Size


@dataclasses.dataclass(frozen=True)
class PaddedPixels:
    """Reads boxes of an image that is padded at the right and at the bottom.

    Attributes:
      pixels: The image without padding.
      size: The height and width with the padding.
      color: The value of each channel in the padding.
    """

    pixels: Pixels
    size: Size
    color: np.ndarray

    def read(self, box: Box) -> np.ndarray:
        """Returns the pixels [h, w, C] of a box of the padded image.

        Args:
          box: The rows and columns of the box in the padded image.
        """
        height, width = self.pixels.size
        bottom, right = min(box.bottom, height), min(box.right, width)
        shape = (box.bottom - box.top, box.right - box.left, self.pixels.channels)
        found = np.empty(shape, self.pixels.dtype)
        found[:] = self.color
        if bottom > box.top and right > box.left:
            part = self.pixels.read(Box(box.top, box.left, bottom, right))
            found[: part.shape[0], : part.shape[1]] = part
        return found
