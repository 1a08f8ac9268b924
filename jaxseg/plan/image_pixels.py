"""Determines the image channels and the pixel type for which a step is compiled."""

from __future__ import annotations

import pathlib
from typing import Literal

from jaxseg.config import DataConfig
from jaxseg.data.datasets.lookup import dataset_of
from jaxseg.data.lists import split_names
from jaxseg.data.mix.space import stated_spec
from jaxseg.data.pixel_type import RGB8, PixelType, with_pixels
from jaxseg.data.prepare import builder_config
from jaxseg.data.spec import DatasetSpec


def planned_pixels(data: DataConfig) -> tuple[PixelType, str]:
    """Returns the number of channels and the pixel type of a dataset's images.

    If the folder of the dataset exists on this computer, they are those of its first
    image. Otherwise `data.channels` states the number of channels, or images with 3
    channels of 8 bits are assumed.

    Args:
      data: The data options of `train`.

    Returns:
      A pair: an object with the number of channels and the pixel type, and a text that
      names their source, such as "data.channels". The text is "" for the default.

    Raises:
      ValueError: If the folder exists, but no splits can be formed from its files.
    """
    dataset = None if data.mix else dataset_of(data)
    if dataset is None or dataset.spec is not None or dataset.builder is not None:
        if dataset is None or data.channels is None:
            return RGB8, ""
        return PixelType(data.channels, "uint8"), "data.channels"
    if data.raw_dir and pathlib.Path(data.raw_dir).expanduser().is_dir():
        config = builder_config(data, split_names(data.train_split, data.eval_split))
        return config.pixels, f"the files of {data.raw_dir}"
    if data.channels is not None and data.pixels == "stored":
        return PixelType(data.channels, "uint8"), "data.channels"
    return RGB8, "assumed; pass data.channels or an existing data.raw_dir"


def planned_spec(data: DataConfig, kind: Literal["images", "clouds"]) -> DatasetSpec:
    """Returns the specification of the dataset for which a step is compiled.

    It contains the classes, the number of image channels and the pixel type. If the
    dataset is not on this computer, the channels and the pixel type are those that
    `planned_pixels` assumes. No image is decoded.

    Args:
      data: The data options of `train`.
      kind: "images", or "clouds" if the network segments point clouds.

    Raises:
      ValueError: If the options of the dataset are invalid, or if its folder exists but
        no splits can be formed from its files.
    """
    spec = stated_spec(data, kind)
    if kind == "clouds" or data.mix:
        return spec
    return with_pixels(spec, planned_pixels(data)[0])


def in_title(data: DataConfig, kind: Literal["images", "clouds"]) -> str:
    """Returns a part of the title of a plan, such as " with 3 channels of uint8".

    It states the number of channels and the pixel type of the images, and the source of
    this information. It is empty for point clouds and for mixtures of datasets.

    Args:
      data: The data options of `train`.
      kind: "images", or "clouds" if the network segments point clouds.
    """
    if kind == "clouds" or data.mix:
        return ""
    pixels, origin = planned_pixels(data)
    return f" with {pixels}" + (f" ({origin})" if origin else "")
