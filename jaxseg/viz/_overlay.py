"""Draws label maps in colors: blended over the image, or as indexed PNG.

An indexed PNG stores the class numbers as pixels and the colors in its palette, like
the masks of PASCAL VOC. Viewers show the colors, and `np.asarray(image)` returns the
class numbers.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from jaxseg.viz.palettes import VOC_VOID


def overlay(
    image: np.ndarray,
    label: np.ndarray,
    palette,
    *,
    alpha: float = 0.5,
    void: int = 255,
) -> np.ndarray:
    """Blends the colors of the classes of a label into an image.

    Void pixels show the image unchanged.

    Args:
      image: uint8 [H, W, 3].
      label: Integers [H, W], each a class number or the ignore index.
      palette: RGB colors of the classes, [K, 3].
      alpha: The weight of the class color, from 0 (the image alone) to 1.
      void: The ignore index.

    Returns:
      uint8 [H, W, 3], round((1 - alpha) * image + alpha * color).

    Raises:
      ValueError: If shapes differ, alpha is outside 0 to 1, or a label has no color.
    """
    if image.dtype != np.uint8 or image.shape != (*label.shape, 3):
        raise ValueError(
            f"image with dtype={image.dtype} and shape={image.shape} is invalid: "
            f"expected uint8 {(*label.shape, 3)}, which has the size of the label."
        )
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha={alpha} is invalid: expected 0 to 1.")
    share = round(alpha * 256)
    color = colorize(label, palette, void=void).astype(np.uint32)
    blend = (image * np.uint32(256 - share) + color * np.uint32(share) + 128) >> 8
    return np.where((label == void)[..., None], image, blend.astype(np.uint8))


def overlay_present(
    image: np.ndarray, present: np.ndarray, palette, *, alpha: float = 0.5
) -> np.ndarray:
    """Blends the colors of classes that can overlap into an image.

    A pixel with several classes takes the mean of their colors, and a pixel without
    any class shows the image unchanged.

    Args:
      image: uint8 [H, W, 3].
      present: Booleans [H, W, K], True where a class is present.
      palette: RGB colors of the classes, [K, 3].
      alpha: The weight of the class color, from 0 (the image alone) to 1.

    Returns:
      uint8 [H, W, 3].

    Raises:
      ValueError: If shapes differ or alpha is outside 0 to 1.
    """
    colors = _checked_palette(palette)
    wanted = (*image.shape[:2], len(colors))
    if present.shape != wanted or image.dtype != np.uint8 or image.shape[2:] != (3,):
        raise ValueError(
            f"present with shape={present.shape} is invalid for an image with "
            f"dtype={image.dtype} and shape={image.shape}: expected shape={wanted} for "
            "present, and uint8 [H, W, 3] for the image."
        )
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha={alpha} is invalid: expected 0 to 1.")
    count = present.sum(-1, keepdims=True)
    color = (present.astype(np.float32) @ colors) / np.maximum(count, 1)
    blend = (1 - alpha) * image + alpha * color
    return np.where(count > 0, (blend + 0.5).astype(np.uint8), image)


def colorize(
    label: np.ndarray, palette, *, void: int = 255, void_color=VOC_VOID
) -> np.ndarray:
    """Converts a label map to class colors.

    Args:
      label: Integers [H, W], each a class number or the ignore index.
      palette: RGB colors of the classes, [K, 3].
      void: The ignore index.
      void_color: The RGB color of void pixels.

    Returns:
      uint8 [H, W, 3].

    Raises:
      ValueError: If a label is neither a class of the palette nor void.
    """
    palette = _checked_palette(palette)
    label = _checked_label(label, len(palette), void)
    table = np.concatenate([palette, np.array([void_color], np.uint8)])
    return table[np.where(label == void, len(palette), label)]


def indexed_png(
    label: np.ndarray, palette, *, void: int = 255, void_color=VOC_VOID
) -> Image.Image:
    """Makes an indexed image with the labels as pixels and the class colors as palette.

    The result has Pillow's mode "P". If `void` exceeds 255, it is a gray image of 16
    bits (mode "I;16") without colors, because a palette has at most 256.

    Args:
      label: Integers [H, W], each a class number or the ignore index.
      palette: RGB colors of the classes, [K, 3].
      void: The ignore index.
      void_color: The RGB color of void pixels.

    Raises:
      ValueError: If a label is neither a class of the palette nor void, or `void` is a
        class or exceeds 65535.
    """
    palette = _checked_palette(palette)
    label = _checked_label(label, len(palette), void)
    if not len(palette) <= void <= 65535:
        raise ValueError(
            f"void={void} is invalid: expected {len(palette)} to 65535, a number that "
            "is not a class."
        )
    if void > 255:
        return Image.fromarray(label.astype(np.uint16))
    table = np.zeros((256, 3), np.uint8)
    table[: len(palette)] = palette
    table[void] = void_color
    picture = Image.fromarray(label.astype(np.uint8), mode="L")
    picture.putpalette(table.tobytes())
    return picture


def _checked_palette(palette) -> np.ndarray:
    colors = np.asarray(palette)
    if colors.ndim != 2 or colors.shape[1] != 3 or not 1 <= len(colors) <= 65535:
        raise ValueError(
            f"palette.shape={colors.shape} is invalid: expected [K, 3] with 1 to 65535 "
            "colors."
        )
    if colors.min() < 0 or colors.max() > 255:
        raise ValueError(
            f"palette with values from {colors.min()} to {colors.max()} is invalid: "
            "expected values from 0 to 255."
        )
    return colors.astype(np.uint8)


def _checked_label(label, count: int, void: int) -> np.ndarray:
    label = np.asarray(label)
    if label.ndim != 2 or not np.issubdtype(label.dtype, np.integer):
        raise ValueError(
            f"label with dtype={label.dtype} and shape={label.shape} is invalid: "
            "expected integers [H, W]."
        )
    wrong = (label != void) & ((label < 0) | (label >= count))
    if wrong.any():
        values = np.unique(label[wrong])[:5].tolist()
        raise ValueError(
            f"label with {values} is invalid: expected 0 to {count - 1}, or {void} for "
            "void."
        )
    return label
