"""Reads masks in which the color of a pixel states its class.

A color (R, G, B) is converted to the number 65536 R + 256 G + B.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping

import numpy as np

from jaxseg.data.files import shown
from jaxseg.data.labels import LabelMap
from jaxseg.data.reader import ReadOptions, read_header, read_pixels
from jaxseg.data.spec import Color


def color_value(color: Color) -> int:
    """Converts an RGB color (R, G, B) to the number 65536 R + 256 G + B.

    >>> color_value((1, 2, 3))
    66051
    """
    red, green, blue = color
    return 65536 * red + 256 * green + blue


def values_to_colors(values: np.ndarray) -> np.ndarray:
    """Converts numbers 65536 R + 256 G + B to RGB colors, the inverse of `color_value`.

    Args:
      values: One number for each pixel, integers [H, W], as `Dataset.to_raw` returns
        them.

    Returns:
      RGB colors, uint8 [H, W, 3], for the files of a test server.
    """
    return np.stack([values >> 16, values >> 8, values], axis=-1).astype(np.uint8)


def color_map(classes: Mapping[Color, int]) -> LabelMap:
    """Returns the label map from color numbers 65536 R + 256 G + B to classes.

    Args:
      classes: A mapping from RGB colors (R, G, B) to classes. The class 255 is void.
    """
    return LabelMap(tuple(sorted((color_value(c), k) for c, k in classes.items())))


def read_colors(path: pathlib.Path, options: ReadOptions) -> np.ndarray:
    """Reads a color mask and converts the color of each pixel to a number.

    This function is the value of `Dataset.read_values` for datasets with such masks.

    Args:
      path: An RGB image file.
      options: The options of the image reader.

    Returns:
      The number 65536 R + 256 G + B of each pixel, int32 [H, W].

    Raises:
      ValueError: If the file cannot be read, or its format is lossy.
    """
    if read_header(path, options, mask=True).lossy:
        raise ValueError(
            f"{shown(path)}: the compression of lossy formats (JPEG, WebP) changes the "
            "colors of masks. Use the published masks."
        )
    return read_pixels(path, options).astype(np.int32) @ (65536, 256, 1)
