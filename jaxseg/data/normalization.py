"""Determines the value range, mean and standard deviation that normalize images."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

from jaxseg.config import DataConfig
from jaxseg.data.pixel_statistics import pixel_statistics
from jaxseg.data.pixel_type import PixelType
from jaxseg.data.source import Source
from jaxseg.data.spec import DatasetSpec


def normalized_spec(
    config: DataConfig,
    source: Source,
    open_train: Callable[[], Source],
    *,
    folder: pathlib.Path | None,
) -> DatasetSpec:
    """Returns the specification of a dataset with the statistics that normalize images.

    8-bit RGB images keep the statistics of their specification, unless
    `data.statistics` is "dataset". In this case, and for other images, the statistics
    are computed from the training split.

    Args:
      config: The data options.
      source: The examples of the split that is opened.
      open_train: A function without arguments that opens the training split, and
        returns its `Source`. It is called only if the statistics are computed and
        `source` is not the training split.
      folder: The folder in which statistics are stored, or None to store nothing.

    Raises:
      ValueError: If the options contradict the type of the images.
    """
    spec = source.spec
    if spec.is_rgb8 and config.range == "percentiles":
        raise ValueError(
            "data.range='percentiles' is invalid: expected None, because the images of "
            f"{spec.name!r} are 8-bit RGB. Leave data.range out."
        )
    kept = "imagenet" if spec.is_rgb8 else "dataset"
    if (config.statistics or kept) == "imagenet":
        if not spec.is_rgb8:
            raise ValueError(
                "data.statistics='imagenet' is invalid: expected 'dataset', because "
                f"the images of {spec.name!r} have {pixel_type(spec)}. Leave "
                "data.statistics out."
            )
        return spec
    train = source if source.split == config.train_split else open_train()
    wanted = None if spec.is_rgb8 else config.range
    return pixel_statistics(train, wanted, folder=folder).of(spec)


def require_pixels(found: DatasetSpec, trained: DatasetSpec) -> None:
    """Raises ValueError if images differ from the training images in channels or type.

    Args:
      found: The dataset whose images are read.
      trained: The dataset on which the network was trained.
    """
    here, there = pixel_type(found), pixel_type(trained)
    if here != there:
        raise ValueError(
            f"The images of dataset {found.name!r} have {here}: expected {there}, as "
            "in training. Convert the images, or pass --data.pixels and "
            "--data.channels with the values that training used."
        )


def pixel_type(spec: DatasetSpec) -> PixelType:
    """Returns the number of channels and the type of a dataset's images.

    The result is a `PixelType`.
    """
    return PixelType(spec.channels, spec.image_type)


def describe_pixels(spec: DatasetSpec) -> str:
    """Describes the pixel type, value range and statistics of images in a line of text.

    An example is "1 channel of uint16; the values 0 to 65535 become 0 to 1; then mean
    0.5, deviation 0.2".
    """
    low, high = spec.value_range
    mean, std = (
        " ".join(f"{value:.4g}" for value in values) for values in (spec.mean, spec.std)
    )
    return (
        f"{pixel_type(spec)}; the values {low:g} to {high:g} become 0 to 1; then mean "
        f"{mean}, deviation {std}"
    )
