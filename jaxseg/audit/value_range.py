"""Chooses the pixel values that are black and white in the pictures of a report."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from jaxseg.audit.kinds import Finding
from jaxseg.audit.record import Record, Sample
from jaxseg.config import DataConfig
from jaxseg.data.lists import split_names
from jaxseg.data.pixel_statistics import PERCENTILES
from jaxseg.data.pixel_type import PixelType
from jaxseg.viz import as_rgb

NARROW = 1 / 8  # Values that use a smaller part of the range are hardly visible.


def shown_range(
    data: DataConfig, pixels: PixelType, records: Sequence[Record]
) -> tuple[float, float]:
    """Returns the two pixel values that training maps to 0 and 1.

    The values are those of `data.range`, or by default the limits of the integer type.
    If `data.range` asks for percentiles, they are computed from some pixel values of
    each training image. For floating-point images without `data.range`, the result is
    their smallest and their largest value.

    Args:
      data: The data options of `train`.
      pixels: The channels and the type of the images.
      records: The properties of the image and the mask of each pair.
    """
    facts = [record.image for record in records if record.image is not None]
    if isinstance(data.range, tuple):
        return data.range
    bounds = pixels.full_range
    if data.range == "percentiles":
        names = split_names(data.train_split)
        train = [r.image for r in records if r.image is not None and r.split in names]
        values = [image.values for image in train or facts]
        if values:
            low, high = np.percentile(np.concatenate(values), PERCENTILES)
            bounds = float(low), float(high)
    elif bounds is None and facts:
        bounds = min(f.low for f in facts), max(f.high for f in facts)
    low, high = bounds or (0.0, 1.0)
    return low, high if high > low else low + 1


def narrow_range(
    data: DataConfig, pixels: PixelType, records: Sequence[Record]
) -> Iterator[Finding]:
    """Yields a warning if the images use only a small part of the range of their type.

    Args:
      data: The data options of `train`.
      pixels: The channels and the type of the images.
      records: The properties of the image and the mask of each pair.
    """
    full = pixels.full_range
    facts = [record.image for record in records if record.image is not None]
    if data.range is not None or full is None or full[1] <= 255 or not facts:
        return
    low, high = min(f.low for f in facts), max(f.high for f in facts)
    if high - low < NARROW * (full[1] - full[0]):
        yield Finding(
            "narrow_range",
            f"The values of the images are {low:g} to {high:g}, but 0 to {full[1]:g} "
            "become 0 to 1 by default, so all pictures are nearly uniform. Pass "
            f"--data.range {low:g} {high:g} or "
            "--data.range percentiles.",
        )


def finished(sample: Sample, bounds: tuple[float, float]) -> Sample:
    """Converts the image of a `Sample` to 8-bit RGB for the report.

    Args:
      sample: A small copy of an image and its label.
      bounds: The pixel values that become black and white, unless the image is uint8.

    Returns:
      The `Sample` after the conversion.
    """
    if sample.image.dtype == np.uint8:
        return sample
    return dataclasses.replace(sample, image=as_rgb(sample.image, bounds))
