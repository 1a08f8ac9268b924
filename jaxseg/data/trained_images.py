"""Reads images that have the channels and pixel type of a network's training images."""

from __future__ import annotations

import dataclasses
import os

import numpy as np

from jaxseg.data.files import shown
from jaxseg.data.pixel_type import PixelType
from jaxseg.data.reader import ReadOptions, read_pixels
from jaxseg.data.spec import DatasetSpec


def options_like(options: ReadOptions, spec: DatasetSpec) -> ReadOptions:
    """Returns reader options for the channels and the type of the training images.

    Args:
      options: The options of the user, from which the largest number of pixels and the
        range for 8-bit RGB are taken.
      spec: The specification of the dataset on which the network was trained.
    """
    if spec.is_rgb8:
        return dataclasses.replace(options, channels=None, pixels="rgb8")
    return dataclasses.replace(
        options, channels=spec.channels, pixels="stored", trained=True
    )


def read_like(
    path: str | os.PathLike, options: ReadOptions, spec: DatasetSpec
) -> np.ndarray:
    """Reads an image that has the channels and type of a network's training images.

    Args:
      path: The file.
      options: The result of `options_like` for `spec`.
      spec: The specification of the dataset on which the network was trained.

    Returns:
      The pixels [H, W, C].

    Raises:
      ValueError: If the file cannot be read, or its pixels have another type or another
        number of channels than the training images.
    """
    pixels = read_pixels(path, options)
    found = PixelType.of(pixels)
    wanted = PixelType(spec.channels, spec.image_type)
    if found != wanted:
        raise ValueError(
            f"{shown(path)}: The image has {found}, but the network was trained on "
            f"images with {wanted}. Use images with these channels and this type."
        )
    return pixels
