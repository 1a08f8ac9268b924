"""Reads color PNG files with 16 bits per channel, although Pillow returns only 8.

Pillow can decode either the high or the low bytes of such a file. Decoding it twice
therefore gives all bits.
"""

from __future__ import annotations

import functools
import pathlib

import numpy as np
from PIL import Image

from jaxseg.data import orientation, pillow_limit
from jaxseg.data.refused import Refused
from jaxseg.data.wide.opened import Stored

MAGIC = b"\x89PNG\r\n\x1a\n"
_COLORS = {2: ("RGB", 3), 6: ("RGBA", 4)}  # PNG color type -> mode, channels


def color_type(head: bytes) -> int | None:
    """Returns the color type of a PNG with 16 bits per channel, otherwise None.

    Args:
      head: The first 26 bytes of the file.
    """
    if head[:8] != MAGIC or head[12:16] != b"IHDR" or len(head) < 26 or head[24] != 16:
        return None
    return head[25]


def open_png(path: pathlib.Path, kind: int) -> Stored:
    """Returns a PNG of 16 bits per channel as a `Stored`, which reads pixels later.

    Args:
      path: The file.
      kind: The color type of the PNG: 2 for RGB, 6 for RGB with alpha.

    Raises:
      Refused: If the file has another color type or is an animation.
    """
    if kind not in _COLORS:
        raise Refused(
            "The file has 16 bits of gray and an alpha channel", "Save it without alpha"
        )
    mode, samples = _COLORS[kind]
    with pillow_limit.lifted, Image.open(path, formats=("PNG",)) as image:
        if getattr(image, "is_animated", False):
            raise Refused(
                "The PNG file is an animation, but a single image is expected",
                "Save each frame as a separate file",
            )
        size = (image.height, image.width)
        tag = orientation.read_tag(image, path)
    return Stored(
        "PNG",
        size,
        samples,
        np.dtype(np.uint16),
        functools.partial(_load, path, mode),
        alpha=samples - 3,
        orientation=tag,
    )


def _load(path: pathlib.Path, mode: str) -> np.ndarray:
    high, low = (_bytes(path, f"{mode};16{order}") for order in "BL")
    return (high.astype(np.uint16) << 8) | low


def _bytes(path: pathlib.Path, raw: str) -> np.ndarray:
    """Returns the high bytes of a big-endian file for `B`, and the low ones for `L`."""
    with pillow_limit.lifted, Image.open(path, formats=("PNG",)) as image:
        name, box, offset, _ = image.tile[0]
        image.tile = [(name, box, offset, raw)]
        return np.asarray(image)
