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

    8-bit RGB images keep the statistics of their specification unless
    `data.statistics` asks for those of the dataset. The statistics of other images come
    from the training split.

    Args:
      config: The data options.
      source: The examples.
      open_train: A function that opens the training split.
      folder: The folder in which statistics are stored, or None.

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
            "in the training. Convert the images, or pass the --data.pixels and "
            "--data.channels of the training."
        )


def pixel_type(spec: DatasetSpec) -> PixelType:
    """Returns the channels and the type of the images of a dataset."""
    return PixelType(spec.channels, spec.image_type)


def describe_pixels(spec: DatasetSpec) -> str:
    """Returns text with the type, the range and the statistics of the images."""
    low, high = spec.value_range
    mean, std = (
        " ".join(f"{value:.4g}" for value in values) for values in (spec.mean, spec.std)
    )
    return (
        f"{pixel_type(spec)}; the values {low:g} to {high:g} become 0 to 1; then mean "
        f"{mean}, deviation {std}"
    )
