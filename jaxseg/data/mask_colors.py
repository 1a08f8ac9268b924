"""Reads masks in which each class has a color.

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
    """Converts an RGB color to a number.

    >>> color_value((1, 2, 3))
    66051
    """
    red, green, blue = color
    return 65536 * red + 256 * green + blue


def values_to_colors(values: np.ndarray) -> np.ndarray:
    """Converts numbers to RGB colors, as the inverse of `color_value`.

    Args:
      values: Numbers of colors, integers [H, W], such as those of `Dataset.to_raw`.

    Returns:
      RGB colors, uint8 [H, W, 3], for the files of a test server.
    """
    return np.stack([values >> 16, values >> 8, values], axis=-1).astype(np.uint8)


def color_map(classes: Mapping[Color, int]) -> LabelMap:
    """Returns the label map from the numbers of colors to classes.

    Args:
      classes: The class of each RGB color. The class 255 is void.
    """
    return LabelMap(tuple(sorted((color_value(c), k) for c, k in classes.items())))


def read_colors(path: pathlib.Path, options: ReadOptions) -> np.ndarray:
    """Reads the number of each pixel's color.

    The record of the dataset uses this function as its field `read_values`.

    Args:
      path: An RGB image file.
      options: The options of the image reader.

    Returns:
      Numbers of colors, int32 [H, W].

    Raises:
      ValueError: If the file cannot be read, or its format is lossy.
    """
    if read_header(path, options).lossy:
        raise ValueError(
            f"{shown(path)}: the compression of lossy formats (JPEG, WebP) changes the "
            "colors of masks. Use the published masks."
        )
    return read_pixels(path, options).astype(np.int32) @ (65536, 256, 1)
