"""Reads and applies orientation tags.

An orientation tag states how a stored picture must be rotated or mirrored for display.
"""

from __future__ import annotations

import os
import pathlib

import numpy as np
from PIL import ExifTags, Image

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_IN_TEXT = (b"Raw profile type exif", b"XML:com.adobe.xmp")


def read_tag(image: Image.Image, path: pathlib.Path) -> int:
    """Returns the orientation tag, 1 to 8 as in EXIF. Invalid tags count as 1.

    Args:
      image: An open file that is not decoded yet.
      path: The path of this file.
    """
    if image.format == "PNG" and not _png_may_turn(path):
        return 1  # Pillow would decode the whole file to find the tag after its pixels.
    value = image.getexif().get(ExifTags.Base.Orientation, 1)
    return value if value in range(1, 9) else 1


def stored_size(image: Image.Image) -> tuple[int, int]:
    """Returns the (H, W) of the stored pixels, before the orientation tag is applied.

    The size of a TIFF is read from its tags, because some releases of Pillow swap its
    height and width before decoding.
    """
    if image.format == "TIFF":
        return image.tag_v2[257], image.tag_v2[256]
    return image.height, image.width


def swaps_sides(tag: int) -> bool:
    """Returns whether an orientation tag swaps height and width."""
    return tag >= 5


def turned(image: Image.Image, tag: int, *, file_format: str) -> Image.Image:
    """Returns a decoded picture after its orientation tag is applied.

    A TIFF is returned unchanged, because Pillow applies its tag when it decodes it.

    Args:
      image: The decoded picture.
      tag: The orientation tag, 1 to 8.
      file_format: Pillow's name of the file format.
    """
    if tag == 1 or file_format == "TIFF":
        return image
    return image.transpose(_TURNS[tag])


def turned_array(pixels: np.ndarray, tag: int) -> np.ndarray:
    """Returns pixels after an orientation tag is applied, as a new array.

    Tags of at least 5 swap height and width.

    Args:
      pixels: The stored pixels, [H, W] or [H, W, C].
      tag: The orientation tag, 1 to 8.
    """
    if swaps_sides(tag):
        pixels = pixels.swapaxes(0, 1)
    rows = slice(None, None, -1 if tag in (3, 4, 7, 8) else 1)
    columns = slice(None, None, -1 if tag in (2, 3, 6, 7) else 1)
    return np.ascontiguousarray(pixels[rows, columns])


def _png_may_turn(path: pathlib.Path) -> bool:
    """Returns whether a PNG has a chunk that can contain an orientation."""
    with open(path, "rb") as file:
        file.seek(8)
        while len(start := file.read(8)) == 8:
            length, kind = int.from_bytes(start[:4], "big"), start[4:]
            keyword = file.read(min(length, 32))
            if kind == b"eXIf" or keyword.startswith(_IN_TEXT):
                return True
            file.seek(length - len(keyword) + 4, os.SEEK_CUR)
    return False
