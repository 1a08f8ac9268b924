"""Opens image files from which boxes (rectangles of pixels) are read on demand."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any, Protocol

import numpy as np
from PIL import Image

from jaxseg.data.large.raw_boxes import BoxTuple, Layout, RawBoxes
from jaxseg.data.large.tiff_boxes import georeference, open_tiff_boxes
from jaxseg.data.named_errors import naming
from jaxseg.data.pixel_type import RGB8, PixelType, keep_channels
from jaxseg.data.pixel_values import to_rgb
from jaxseg.data.read_options import ReadOptions
from jaxseg.data.refused import Refused, UnknownRange
from jaxseg.data.stored_form import Form
from jaxseg.data.wide.arrays import npy_layout
from jaxseg.data.wide.opened import Stored
from jaxseg.data.wide.tiff import open_tiff

_SUFFIXES = (".tif", ".tiff", ".npy")
_GRAY = {"uint16": Form("I;16", raw="", bits=16, channels=1)}
_GRAY["float32"] = Form("F", raw="", bits=32, channels=1)


class Boxes(Protocol):
    """Defines the methods of an open file from which boxes of pixels are read."""

    def read(self, box: BoxTuple) -> np.ndarray:
        """Returns the pixels in a box with all S channels of the file, [h, w, S]."""

    def close(self) -> None:
        """Closes the file."""


@dataclasses.dataclass(frozen=True)
class LargeImage:
    """Reads boxes (rectangles of pixels) of an image file without loading the rest.

    Attributes:
      path: The file.
      size: The height and width in pixels.
      pixels: The channels and the data type of the pixels that `read` returns.
      options: The options of the image reader, such as the range of gray values.
      boxes: The open file.
      geo: The GeoTIFF tags of the location on the earth; empty for other files.
    """

    path: pathlib.Path
    size: tuple[int, int]
    pixels: PixelType
    options: ReadOptions
    boxes: Boxes = dataclasses.field(repr=False)
    geo: tuple[tuple[int, int, int, Any], ...] = ()

    @property
    def channels(self) -> int:
        """Returns the number of channels of the pixels that `read` returns."""
        return self.pixels.channels

    @property
    def dtype(self) -> np.dtype:
        """Returns the data type of the pixels that `read` returns."""
        return np.dtype(self.pixels.dtype)

    def read(self, box: BoxTuple) -> np.ndarray:
        """Returns the pixels in a box, converted as `options` states, [h, w, C].

        Args:
          box: Top, left, bottom, right: the first row and column, and the row and
            column after the last ones.

        Raises:
          ValueError: If the file is damaged or has values that are not allowed. The
            message contains the path of the file.
        """
        with naming(self.path):
            values = self.boxes.read(box)
            if self.pixels == RGB8 and values.dtype != np.uint8:
                gray = values[..., 0].astype(values.dtype.newbyteorder("="))
                form = _GRAY[gray.dtype.name]
                return to_rgb(Image.fromarray(gray), form, self.options.range)
            return keep_channels(values, self.pixels)

    def close(self) -> None:
        """Closes the file."""
        self.boxes.close()


def can_be_large(path: pathlib.Path) -> bool:
    """Returns whether a file is a TIFF or an NPY file, judging by its suffix.

    Args:
      path: The file.
    """
    return path.name.lower().endswith(_SUFFIXES)


def open_large(path: pathlib.Path, options: ReadOptions) -> LargeImage:
    """Opens a TIFF or NPY file of any size as a `LargeImage`, which reads boxes of it.

    Args:
      path: The file.
      options: The options of the image reader. Its largest number of pixels does not
        apply here.

    Raises:
      Refused: If the reader would refuse a smaller file of this kind, or the file
        cannot be read in boxes.
    """
    if path.name.lower().endswith(".npy"):
        stored, offset = npy_layout(path)
        pixels = _pixels(stored, options)
        layout = Layout(offset, stored.size, stored.samples, stored.dtype)
        boxes = RawBoxes(path, layout)
        return LargeImage(path, stored.size, pixels, options, boxes=boxes)
    stored = open_tiff(path, None)
    if stored.orientation != 1:
        raise Refused(
            f"The file has the orientation tag {stored.orientation}, which is not "
            "applied to images that are read part by part",
            "Save the rotated pixels without the tag",
        )
    pixels = _pixels(stored, options)
    boxes = open_tiff_boxes(path)
    return LargeImage(
        path, stored.size, pixels, options, boxes=boxes, geo=georeference(path)
    )


def _pixels(stored: Stored, options: ReadOptions) -> PixelType:
    """Returns the channels and the data type of the pixels that will be read."""
    unlimited = dataclasses.replace(
        options, max_pixels=max(1, stored.size[0] * stored.size[1])
    )
    name = stored.dtype.newbyteorder("=").name
    gray = stored.format == "TIFF" and stored.samples == 1 and name in _GRAY
    if options.pixels != "rgb8" or not gray:
        return stored.header(unlimited).pixels
    if options.range is None:
        raise UnknownRange(f"The range of the file's {name} gray values is not known")
    return RGB8
