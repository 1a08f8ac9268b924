"""Reads windows of an image and prepares them for the network."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

import jax.numpy as jnp
import numpy as np

from jaxseg.inference.windows.grid import Box
from jaxseg.typing import Size

Border = Literal["zero", "reflect"]


class Pixels(Protocol):
    """Protocol of an image, such as a large file, from which rectangles are read."""

    @property
    def size(self) -> Size:
        """Returns the height and width of the image."""

    @property
    def channels(self) -> int:
        """Returns the number of channels of the image."""

    @property
    def dtype(self) -> np.dtype:
        """Returns the NumPy type of the pixels, such as uint8."""

    def read(self, box: Box) -> np.ndarray:
        """Returns the pixels in a box, [h, w, C]. The box must lie inside the image."""


@dataclasses.dataclass(frozen=True)
class ArrayPixels:
    """Provides the interface `Pixels` for an array in memory.

    Attributes:
      array: The image, [H, W, C].
    """

    array: np.ndarray

    @property
    def size(self) -> Size:
        """Returns the height and width of the image."""
        return self.array.shape[:2]

    @property
    def channels(self) -> int:
        """Returns the number of channels of the image."""
        return self.array.shape[2]

    @property
    def dtype(self) -> np.dtype:
        """Returns the NumPy type of the pixels, such as uint8."""
        return self.array.dtype

    def read(self, box: Box) -> np.ndarray:
        """Returns the pixels in a box, [h, w, C]. The box must lie inside the image."""
        return self.array[box.top : box.bottom, box.left : box.right]


@dataclasses.dataclass(frozen=True)
class WindowInputs:
    """Reads windows of an image and prepares them for the network.

    Attributes:
      pixels: The image.
      prepare: A function from pixels [B, h, w, C], as they are stored, to the input of
        the network. It must compute each pixel from the same pixel of the image alone.
      border: How the part of a window outside of the image is filled. "zero" fills the
        input of the network with 0, which is the mean color, and "reflect" mirrors the
        image.
    """

    pixels: Pixels
    prepare: Callable[[Any], Any] = lambda pixels: pixels
    border: Border = "zero"

    def batch(self, boxes: Sequence[Box]) -> Any:
        """Reads windows of equal size and returns the network's input, [B, h, w, C].

        Args:
          boxes: The box of each window. It may extend beyond the image.
        """
        tiles = np.stack([self._read(box) for box in boxes])
        inputs = self.prepare(jnp.asarray(tiles))
        if self.border == "reflect" or all(map(self._inside, boxes)):
            return inputs
        valid = np.stack([self._valid(box) for box in boxes])
        return jnp.where(valid, inputs, jnp.zeros((), inputs.dtype))

    def _inside(self, box: Box) -> bool:
        height, width = self.pixels.size
        return min(box[:2]) >= 0 and box.bottom <= height and box.right <= width

    def _valid(self, box: Box) -> np.ndarray:
        """Returns for each pixel of a box if it is inside the image, bool [h, w, 1]."""
        rows, columns = (
            (np.arange(*ends) >= 0) & (np.arange(*ends) < length)
            for ends, length in zip(_intervals(box), self.pixels.size, strict=True)
        )
        return (rows[:, None] & columns)[..., None]

    def _read(self, box: Box) -> np.ndarray:
        if self._inside(box):
            return self.pixels.read(box)
        (rows, columns) = (
            _inside(ends, length, mirror=self.border == "reflect")
            for ends, length in zip(_intervals(box), self.pixels.size, strict=True)
        )
        top, left = rows.min(), columns.min()
        found = self.pixels.read(Box(top, left, rows.max() + 1, columns.max() + 1))
        return found[np.ix_(rows - top, columns - left)]


def _intervals(box: Box) -> tuple[tuple[int, int], tuple[int, int]]:
    return (box.top, box.bottom), (box.left, box.right)


def _inside(ends: tuple[int, int], length: int, *, mirror: bool) -> np.ndarray:
    """Returns the row or column of the image for each index in a half-open interval.

    An index outside of 0 to `length - 1` is mirrored at the border or, if `mirror` is
    False, replaced by the nearest valid index.
    """
    index = np.arange(*ends)
    if not mirror:
        return np.clip(index, 0, length - 1)
    period = max(2 * (length - 1), 1)  # The border itself is not repeated.
    index = index % period
    return np.minimum(index, period - index)
