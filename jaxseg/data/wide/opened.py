"""Represents an image file of which only the header has been read so far."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from jaxseg.data.header import Header
from jaxseg.data.orientation import swaps_sides, turned_array
from jaxseg.data.pixel_type import PixelType, chosen_type, keep_channels
from jaxseg.data.read_options import ReadOptions
from jaxseg.data.refused import Refused


@dataclasses.dataclass(frozen=True)
class Stored:
    """Describes an image file whose pixels are read on demand.

    Attributes:
      format: The name of the file format.
      size: The stored (H, W) in pixels.
      samples: The number of stored channels S.
      dtype: The type of the values.
      read: A function that returns all stored channels, [H, W, S].
      alpha: The number of channels that are alpha. They are the last ones.
      orientation: The orientation tag, 1 to 8 as in EXIF.
    """

    format: str
    size: tuple[int, int]
    samples: int
    dtype: np.dtype
    read: Callable[[], np.ndarray]
    alpha: int = 0
    orientation: int = 1

    def header(self, options: ReadOptions, *, mask: bool = False) -> Header:
        """Returns the properties that the file header states, as a `Header`.

        The `size` in the result is the size after the orientation tag is applied.

        Args:
          options: The options of the reader, such as the largest number of pixels.
          mask: Whether the file contains class numbers.

        Raises:
          Refused: If the image is too large, or has a type or a number of channels that
            the options do not allow.
        """
        height, width = self.size
        if height * width > options.max_pixels:
            raise Refused(
                f"The file has {height} x {width} pixels, more than data.max_pixels="
                f"{options.max_pixels}",
                f"If you trust the file, pass --data.max-pixels {height * width}",
            )
        if min(self.size) < 1:
            raise Refused("The file has no pixels", "Remove it")
        if not mask:
            self.kept(options)
        turned = swaps_sides(self.orientation)
        return Header(
            size=(width, height) if turned else self.size,
            stored_size=self.size,
            orientation=self.orientation,
            format=self.format,
            mode=f"{self.samples} x {self.dtype.name}",
            lossy=False,
            pixels=None if mask else self.kept(options),
        )

    def kept(self, options: ReadOptions) -> PixelType:
        """Returns the number of channels and the type of the result of `image`.

        Args:
          options: The options of the reader.

        Raises:
          Refused: If the type is not supported, or the number of channels not allowed.
        """
        kept = chosen_type(self.samples, self.dtype, options, alpha=self.alpha)
        if options.pixels == "rgb8" and (kept.channels, kept.dtype) != (3, "uint8"):
            raise Refused(
                f"The file has {kept}, but 8-bit gray or RGB is expected",
                "Save it as 8-bit gray or RGB",
            )
        return kept

    def image(self, options: ReadOptions) -> np.ndarray:
        """Returns the pixels of the file as an image, [H, W, C]."""
        self.header(options)
        return turned_array(
            keep_channels(self.read(), self.kept(options)), self.orientation
        )

    def mask(self, options: ReadOptions) -> np.ndarray:
        """Returns the pixels of the file as a mask, integers [H, W]."""
        self.header(options, mask=True)
        if self.samples != 1 or self.dtype.kind not in "biu":
            raise Refused(
                f"The file has {self.samples} channels of {self.dtype.name}, but an "
                "index mask is expected",
                "Save it with one channel of class numbers",
            )
        values = self.read()[..., 0]
        values = values.astype(np.uint8) if values.dtype == bool else values
        native = values.dtype.newbyteorder("=")
        return turned_array(np.ascontiguousarray(values, native), self.orientation)
