"""Label maps as colors: blended over the image, or as indexed PNG.

An indexed PNG keeps the class numbers as its pixels and the colors in its palette, as
the masks of PASCAL VOC do: viewers show colors, `np.asarray(image)` gives the classes.
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
    """Blends class colors into an image; void pixels show the image unchanged.

    Args:
      image: uint8 [H, W, 3].
      label: integers [H, W], classes or void.
      palette: RGB per class, [K, 3].
      alpha: share of the class color, 0 to 1.
      void: label without class.

    Returns:
      uint8 [H, W, 3], round((1 - alpha) * image + alpha * color).

    Raises:
      ValueError: if shapes differ, alpha is outside 0..1, or a label has no color.
    """
    if image.dtype != np.uint8 or image.shape != (*label.shape, 3):
        raise ValueError(
            f"image must be uint8 of shape {(*label.shape, 3)} like the label, got "
            f"{image.dtype} {image.shape}"
        )
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha must lie between 0 and 1, got {alpha}")
    share = round(alpha * 256)
    color = colorize(label, palette, void=void).astype(np.uint32)
    blend = (image * np.uint32(256 - share) + color * np.uint32(share) + 128) >> 8
    return np.where((label == void)[..., None], image, blend.astype(np.uint8))


def colorize(
    label: np.ndarray, palette, *, void: int = 255, void_color=VOC_VOID
) -> np.ndarray:
    """Class colors of a label map, uint8 [H, W, 3].

    Raises:
      ValueError: if a label is neither a color's index nor void.
    """
    palette = _checked_palette(palette)
    label = _checked_label(label, len(palette), void)
    table = np.concatenate([palette, np.array([void_color], np.uint8)])
    return table[np.where(label == void, len(palette), label)]


def indexed_png(
    label: np.ndarray, palette, *, void: int = 255, void_color=VOC_VOID
) -> Image.Image:
    """A palette image (Pillow mode "P") whose pixels are the labels.

    Raises:
      ValueError: if a label is neither a color's index nor void, or exceeds 255.
    """
    palette = _checked_palette(palette)
    label = _checked_label(label, len(palette), void)
    if not 0 <= void <= 255 or void < len(palette):
        raise ValueError(
            f"void must be a byte that is no class of {len(palette)}, got {void}"
        )
    table = np.zeros((256, 3), np.uint8)
    table[: len(palette)] = palette
    table[void] = void_color
    picture = Image.fromarray(label.astype(np.uint8), mode="L")
    picture.putpalette(table.tobytes())
    return picture


def _checked_palette(palette) -> np.ndarray:
    colors = np.asarray(palette)
    if colors.ndim != 2 or colors.shape[1] != 3 or not 1 <= len(colors) <= 256:
        raise ValueError(f"palette must be [1..256, 3], got shape {colors.shape}")
    if colors.min() < 0 or colors.max() > 255:
        raise ValueError("palette must hold values between 0 and 255")
    return colors.astype(np.uint8)


def _checked_label(label, count: int, void: int) -> np.ndarray:
    label = np.asarray(label)
    if label.ndim != 2 or not np.issubdtype(label.dtype, np.integer):
        raise ValueError(
            f"label must be integers [H, W], got {label.dtype} {label.shape}"
        )
    wrong = (label != void) & ((label < 0) | (label >= count))
    if wrong.any():
        values = np.unique(label[wrong])[:5].tolist()
        raise ValueError(f"label holds {values}; allowed are 0..{count - 1} and {void}")
    return label
