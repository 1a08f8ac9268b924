"""Encodes and decodes the images of prepared data.

`jaxseg.data.reader` reads the files of the user and applies their orientation tags. The
pixels are then stored in tiles, from which a crop is decoded fast. Decoding stored data
therefore never applies a tag. Lossless tiles take several times as many bytes as a
JPEG, so a JPEG is stored unchanged if all decoders give the same pixels for it. For
tf.data, which cannot decode tiles, pixels are stored as PNG. Data that an earlier
version has prepared contain PNG as well.
"""

from __future__ import annotations

import contextlib
import io
import pathlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from jaxseg.data import pillow_limit, reader, tiles
from jaxseg.data.area import Area


def encode_png(pixels: np.ndarray, *, level: int = 6) -> bytes:
    """Encodes an image or a label, and returns the bytes of a PNG file.

    Args:
      pixels: Uint8, [H, W] or [H, W, 3].
      level: The compression level, 0 to 9.
    """
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", compress_level=level)
    return buffer.getvalue()


def decode(data: bytes, area: Area | None = None) -> np.ndarray:
    """Decodes the stored bytes of an image or label: tiles, a PNG or a JPEG.

    Args:
      data: The stored bytes.
      area: The part of the image to return. The default is the whole image. If the
        image is stored in tiles, only tiles that overlap the area are decoded.

    Returns:
      The pixels of the area, [h, w] or [h, w, C].
    """
    if tiles.is_tiled(data):
        return tiles.decode(data, area)
    with opened(data) as image:
        if area is None or area.is_whole:
            return np.asarray(image)
        (top, bottom), (left, right) = area.rows, area.columns
        return np.asarray(image.crop((left, top, right, bottom)))


def size_of(data: bytes) -> tuple[int, int]:
    """Returns the (H, W) in pixels of a stored image or label, read from its header."""
    if tiles.is_tiled(data):
        return tiles.read_tile_header(data).size
    with opened(data) as image:
        return image.height, image.width


@contextlib.contextmanager
def opened(data: bytes) -> Iterator[Image.Image]:
    """Returns a context manager that opens stored bytes with Pillow, without decoding.

    Args:
      data: The bytes of an image file.
    """
    with pillow_limit.lifted, Image.open(io.BytesIO(data)) as image:
        yield image


def encode_image(pixels: np.ndarray, *, tiled: bool) -> bytes:
    """Encodes the pixels of an image and returns the bytes for the prepared data.

    Args:
      pixels: [H, W, C], uint8, uint16 or float32; for a PNG, uint8 [H, W, 3].
      tiled: If True, the result contains tiles (`jaxseg.data.tiles`); if False, it is a
        PNG.
    """
    return tiles.encode(pixels, differences=True) if tiled else encode_png(pixels)


def encode_label(label: np.ndarray, *, tiled: bool) -> bytes:
    """Encodes a label and returns the bytes for the prepared data.

    Args:
      label: [H, W], uint8 or uint16; for a PNG, uint8.
      tiled: If True, the result contains tiles (`jaxseg.data.tiles`); if False, it is a
        PNG.
    """
    if tiled:
        return tiles.encode(label, differences=False, level=9)
    return encode_png(label)


def read_image(
    path: pathlib.Path,
    options: reader.ReadOptions = reader.DEFAULTS,
    *,
    tiled: bool = True,
) -> tuple[bytes, tuple[int, int]]:
    """Encodes an RGB image file and returns the bytes for the prepared data.

    An RGB JPEG file whose pixels need no change is stored unchanged. If `tiled` is
    False, this is also true of PNG files. The file is decoded once to find out if it is
    damaged.

    Args:
      path: The image file.
      options: The options of the reader.
      tiled: If True, pixels are stored in tiles (`jaxseg.data.tiles`); if False, as a
        PNG.

    Returns:
      The bytes and the (H, W) in pixels.

    Raises:
      ValueError: If the reader refuses the file. The message names it.
    """
    header = reader.read_header(path, options)
    pixels = reader.read_pixels(path, options)
    if header.plain and (header.format == "JPEG" or not tiled):
        return path.read_bytes(), header.size
    return encode_image(pixels, tiled=tiled), header.size
