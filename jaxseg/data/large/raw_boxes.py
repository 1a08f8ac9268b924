"""Reads boxes (rectangles) of an image that a file stores without compression."""

from __future__ import annotations

import os
import pathlib
from typing import NamedTuple

import numpy as np

from jaxseg.data.refused import Refused

BoxTuple = tuple[int, int, int, int]


class Layout(NamedTuple):
    """Describes how uncompressed pixels are stored in a file.

    Attributes:
      offset: The position in the file, in bytes, of the first value.
      size: The height and width of the image in pixels.
      samples: The number of channels.
      dtype: The type of the values, with its byte order.
      planar: Whether the file contains all pixels of the first channel, then all of the
        second one, and so on. Otherwise, it contains all channels of the first pixel,
        then of the second one.
    """

    offset: int
    size: tuple[int, int]
    samples: int
    dtype: np.dtype
    planar: bool = False


class RawBoxes:
    """Reads boxes of an image that a file stores without compression.

    The file is not memory-mapped, because the operating system would count pages that
    were read as memory of the process.
    """

    def __init__(self, path: pathlib.Path, layout: Layout) -> None:
        """Opens a file for reading.

        Args:
          path: The file.
          layout: How the pixels are stored in the file.
        """
        self._layout = layout
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115

    def read(self, box: BoxTuple) -> np.ndarray:
        """Returns the pixels in a box with all S channels of the file, [h, w, S].

        Args:
          box: Top, left, bottom, right: the first row and column, and the row and
            column after the last ones.

        Raises:
          Refused: If the file ends before the last pixel of the box.
        """
        samples = self._layout.samples
        if not self._layout.planar:
            return self._plane(box, 0, samples)
        planes = [self._plane(box, channel, 1) for channel in range(samples)]
        return np.concatenate(planes, axis=-1)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _plane(self, box: BoxTuple, plane: int, samples: int) -> np.ndarray:
        top, left, bottom, right = box
        offset, (height, width), _, dtype, _ = self._layout
        found = np.empty((bottom - top, right - left, samples), dtype)
        step = samples * dtype.itemsize
        for row, target in zip(range(top, bottom), found, strict=True):
            start = (plane * height + row) * width + left
            data = os.pread(self._file.fileno(), target.nbytes, offset + start * step)
            if len(data) < target.nbytes:
                raise Refused(
                    "The file is damaged, because the data end too early",
                    "Copy it again",
                )
            target[:] = np.frombuffer(data, dtype).reshape(target.shape)
        return found
