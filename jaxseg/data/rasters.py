"""Encoding pixels for prepared data, and decoding them again.

Files of the user are read by `jaxseg.data.reader`. What it returned is stored here
either as the file's own bytes, where every decoder agrees on them, or as a PNG. An
orientation has been applied by then, so decoding stored data never applies one.
"""

from __future__ import annotations

import io
import pathlib

import numpy as np
from PIL import Image

from jaxseg.data import pillow_limit, reader


def encode_png(pixels: np.ndarray, *, level: int = 6) -> bytes:
    """PNG bytes of uint8 pixels, [H, W] or [H, W, 3]."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", compress_level=level)
    return buffer.getvalue()


def decode(data: bytes) -> np.ndarray:
    """Pixels uint8 of stored PNG or JPEG bytes, [H, W] or [H, W, 3]."""
    with pillow_limit.lifted, Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def size_of(data: bytes) -> tuple[int, int]:
    """(H, W) of stored bytes, read from their header."""
    with pillow_limit.lifted, Image.open(io.BytesIO(data)) as image:
        return image.height, image.width


def read_image(
    path: pathlib.Path, options: reader.ReadOptions = reader.DEFAULTS
) -> tuple[bytes, tuple[int, int]]:
    """What is stored of an RGB image, and its (H, W).

    RGB PNG and JPEG files whose pixels need no change are stored byte for byte, all
    others as PNG. The whole file is decoded once, so that a damaged one is found here.

    Raises:
      ValueError: Naming the file, if the reader refuses it.
    """
    header = reader.read_header(path, options)
    pixels = reader.read_pixels(path, options)
    data = path.read_bytes() if header.plain else encode_png(pixels)
    return data, header.size
