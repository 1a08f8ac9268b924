"""Encodes and decodes the images of prepared data.

`jaxseg.data.reader` reads the files of the user. A file is stored unchanged if every
decoder returns equal pixels for it. Otherwise its pixels are stored as a PNG, after the
orientation tag is applied. Decoding stored data therefore never applies a tag.
"""

from __future__ import annotations

import contextlib
import io
import pathlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from jaxseg.data import pillow_limit, reader
from jaxseg.data.area import Area


def encode_png(pixels: np.ndarray, *, level: int = 6) -> bytes:
    """Encodes pixels as a PNG.

    Args:
      pixels: Uint8, [H, W] or [H, W, 3].
      level: The compression level, 0 to 9.
    """
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", compress_level=level)
    return buffer.getvalue()


def decode(data: bytes, area: Area | None = None) -> np.ndarray:
    """Decodes a stored PNG or JPEG.

    Args:
      data: The bytes of the PNG or JPEG.
      area: The part of the image to return. The default is the whole image.

    Returns:
      Uint8, [H, W] or [H, W, 3].
    """
    with opened(data) as image:
        pixels = np.asarray(image)
    return pixels if area is None else area.of(pixels)


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
    """Returns the bytes with which an RGB image file is stored in prepared data.

    RGB PNG and JPEG files whose pixels need no change are stored unchanged. All other
    files are stored as PNG. The file is decoded once to find out if it is damaged.

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
