"""Encodes pixels for prepared data, and decodes them.

`jaxseg.data.reader` reads the files of the user. Its pixels are stored either as the
bytes of the file, if every decoder agrees on them, or as a PNG. The orientation tag has
been applied before, so decoding stored data never applies one.
"""

from __future__ import annotations

import contextlib
import io
import pathlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from jaxseg.data import pillow_limit, reader


def encode_png(pixels: np.ndarray, *, level: int = 6) -> bytes:
    """Encodes pixels as a PNG.

    Args:
      pixels: Uint8, [H, W] or [H, W, 3].
      level: The compression level, 0 to 9.
    """
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", compress_level=level)
    return buffer.getvalue()


def decode(data: bytes) -> np.ndarray:
    """Decodes a stored PNG or JPEG.

    Args:
      data: The bytes of the PNG or JPEG.

    Returns:
      Uint8, [H, W] or [H, W, 3].
    """
    with opened(data) as image:
        return np.asarray(image)


def size_of(data: bytes) -> tuple[int, int]:
    """Returns the (H, W) of a stored PNG or JPEG from its header."""
    with opened(data) as image:
        return image.height, image.width


@contextlib.contextmanager
def opened(data: bytes) -> Iterator[Image.Image]:
    """Opens stored bytes with Pillow, without decoding the pixels.

    Args:
      data: The bytes of an image file.
    """
    with pillow_limit.lifted, Image.open(io.BytesIO(data)) as image:
        yield image


def read_image(
    path: pathlib.Path, options: reader.ReadOptions = reader.DEFAULTS
) -> tuple[bytes, tuple[int, int]]:
    """Reads an RGB image in the form in which it is stored.

    RGB PNG and JPEG files whose pixels need no change are stored unchanged, all others
    as PNG. The whole file is decoded once, so that a damaged one is found here.

    Args:
      path: The image file.
      options: The options of the reader.

    Returns:
      The bytes and the (H, W) in pixels.

    Raises:
      ValueError: If the reader refuses the file. The message names it.
    """
    header = reader.read_header(path, options)
    pixels = reader.read_pixels(path, options)
    data = path.read_bytes() if header.plain else encode_png(pixels)
    return data, header.size
