"""Reads black and white masks, optionally together with a mask of the field of view."""

from __future__ import annotations

import numpy as np

from jaxseg.data.files import shown
from jaxseg.data.labels import LabelMap
from jaxseg.data.parts import File, Joined
from jaxseg.data.reader import ReadOptions, read_header, read_pixels
from jaxseg.data.spec import VOID

WHITE, OUTSIDE = 255, 128  # Values up to 127 are black, and 128 stands for outside.
LABELS = LabelMap(((0, 0), (OUTSIDE, VOID), (WHITE, 1)))


def read_binary(path: File, options: ReadOptions) -> np.ndarray:
    """Reads a black and white mask.

    This function is the value of `Dataset.read_values` for datasets with such masks.

    Some published masks contain gray values near black and white. Values of 128 or more
    are read as white.

    Args:
      path: The mask file, or a `Joined` of the mask file and a second file, which is
        white inside the field of view.
      options: The options of the image reader.

    Returns:
      Uint8 [H, W]: 0 for black, 255 for white and 128 outside of the field of view.

    Raises:
      ValueError: If a file cannot be read or has colors, if a mask contains gray but no
        white pixels, or if the field of view has another size than the mask.
    """
    mask = np.where(_is_white(path, options), WHITE, 0).astype(np.uint8)
    if not isinstance(path, Joined):
        return mask
    (view,) = path.others
    inside = _is_white(view, options)
    if inside.shape != mask.shape:
        raise ValueError(
            f"{shown(view)} is {inside.shape[0]}x{inside.shape[1]}: expected the size "
            f"{mask.shape[0]}x{mask.shape[1]} (height x width) of {shown(path)}."
        )
    mask[~inside] = OUTSIDE
    return mask


def _is_white(path: File, options: ReadOptions) -> np.ndarray:
    """Returns whether each pixel of a black and white picture is white."""
    if read_header(path, options, mask=True).lossy:
        raise ValueError(
            f"{shown(path)}: the compression of lossy formats (JPEG, WebP) changes "
            "masks. Use the published masks."
        )
    pixels = read_pixels(path, options)
    if (pixels != pixels[..., :1]).any():
        raise ValueError(
            f"{shown(path)} has colors: expected a black and white mask. Use the "
            "published masks."
        )
    if 0 < pixels.max() < OUTSIDE:
        raise ValueError(
            f"{shown(path)}: the largest mask value {pixels.max()} is invalid: "
            "expected white pixels (128 to 255), or a mask that is 0 everywhere. Use "
            "the published masks."
        )
    return pixels[..., 0] >= OUTSIDE
