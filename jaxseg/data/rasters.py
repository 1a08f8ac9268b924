"""Reading and writing image and mask files with Pillow alone.

Other decoders turn a palette mask into colours or grey levels; Pillow returns the
indices. Every error names the file.
"""

from __future__ import annotations

import io
import pathlib

import numpy as np
from PIL import Image

MASK_MODES = ("L", "P", "1", "I", "I;16")


def encode_png(pixels: np.ndarray, *, level: int = 6) -> bytes:
    """PNG bytes of uint8 pixels, [H, W] or [H, W, 3]."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", compress_level=level)
    return buffer.getvalue()


def decode(data: bytes) -> np.ndarray:
    """Pixels uint8 of PNG or JPEG bytes, [H, W] or [H, W, 3] as they were stored."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def size_of(data: bytes) -> tuple[int, int]:
    """(H, W) of encoded bytes, read from their header."""
    with Image.open(io.BytesIO(data)) as image:
        return image.height, image.width


def read_image(path: pathlib.Path) -> tuple[bytes, tuple[int, int]]:
    """Bytes of an RGB image, and its (H, W).

    RGB PNG and JPEG files are passed on unchanged, everything else is converted to
    RGB and encoded as PNG. The whole file is decoded once, so that a damaged one is
    found here.

    Raises:
        ValueError: if the file is missing or damaged.
    """
    data = _bytes(path)
    image = _load(data, path)
    if image.mode != "RGB" or image.format not in ("PNG", "JPEG"):
        data = encode_png(np.asarray(image.convert("RGB")))
    return data, (image.height, image.width)


def read_mask(path: pathlib.Path) -> np.ndarray:
    """Labels of an index mask, uint8 [H, W].

    Raises:
        ValueError: if the file is missing or damaged, holds colours, or holds values
            outside 0..255.
    """
    image = _load(_bytes(path), path)
    if image.mode.startswith("RGB"):
        raise ValueError(
            f"{path}: RGB mask where an index mask is expected "
            "(one channel whose values are class numbers, 255 for void)"
        )
    if image.mode not in MASK_MODES:
        raise ValueError(
            f"{path}: mask of Pillow mode {image.mode!r} where an index mask is "
            f"expected; allowed modes are {MASK_MODES}"
        )
    labels = np.asarray(image)
    if labels.min() < 0 or labels.max() > 255:
        value = labels.min() if labels.min() < 0 else labels.max()
        raise ValueError(f"{path}: mask value {value}; 0 to 255 are allowed")
    return labels.astype(np.uint8)


def _bytes(path: pathlib.Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from error


def _load(data: bytes, path: pathlib.Path) -> Image.Image:
    # Pillow reports damage as OSError, SyntaxError, EOFError, ValueError, or by
    # refusing a size beyond its limit; all mean that this file cannot be used.
    try:
        image = Image.open(io.BytesIO(data))
        image.load()
    except (OSError, SyntaxError, EOFError, ValueError) as error:
        raise ValueError(f"{path}: damaged or not an image ({error})") from error
    except Image.DecompressionBombError as error:
        raise ValueError(f"{path}: {error}") from error
    return image
