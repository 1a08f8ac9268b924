"""Computes the value range, mean and standard deviation of the images of a split.

The results are stored with the prepared data, in a folder whose name contains a digest
of the files, so that the split is read once. For integers, the number of pixels with
each value is counted, so that percentiles, means and deviations are exact. Percentiles
of floating-point images are computed from a sample of about 2^24 values or fewer. It
contains every k-th value of each image, where k depends on the size of the image.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import pathlib

import numpy as np

from jaxseg.data.pixel_type import PixelType
from jaxseg.data.source import Source
from jaxseg.data.spec import DatasetSpec
from jaxseg.storage.json_file import write_json

logger = logging.getLogger(__name__)
PERCENTILES = (0.5, 99.5)  # As in nnU-Net; single extreme values do not set the range.
SAMPLE = 2**24  # The largest number of values from which percentiles are computed.

Range = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class PixelStatistics:
    """Contains the statistics of the images of a split.

    Attributes:
      value_range: The pixel values that are mapped to 0 and 1.
      mean: The mean of each channel after this mapping.
      std: The standard deviation of each channel. It is 1 if the channel is constant.
    """

    value_range: Range
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def of(self, spec: DatasetSpec) -> DatasetSpec:
        """Returns a copy of a dataset's specification with these pixel statistics."""
        return dataclasses.replace(spec, **dataclasses.asdict(self))


def pixel_statistics(
    source: Source, wanted: Range | str | None, *, folder: pathlib.Path | None
) -> PixelStatistics:
    """Returns the value range, mean and standard deviation of all images of a split.

    The first call computes the statistics and stores them in a folder. Later calls read
    them from the folder.

    Args:
      source: The examples of the split.
      wanted: The option `data.range`: two values, "percentiles", or None for the full
        range of the type.
      folder: The folder, or None to store nothing.

    Raises:
      ValueError: If `wanted` is None and the images are float32, which has no full
        range, or if it is "percentiles" and (nearly) all values are equal.
    """
    path = None if folder is None else folder / _record_name(source, wanted)
    if path is not None and path.is_file():
        stored = _stored(path, source.spec.channels)
        if stored is not None:
            return stored
        logger.warning(
            "The statistics in %s are damaged, so they are computed again.", path
        )
    found = compute_statistics(source, wanted)
    if path is not None:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(path, dataclasses.asdict(found))
    return found


def compute_statistics(source: Source, wanted: Range | str | None) -> PixelStatistics:
    """Returns the `PixelStatistics` of a split, computed from all of its images.

    They are the value range, and the mean and standard deviation of each channel.

    Args:
      source: The examples of the split.
      wanted: The option `data.range`: two values, "percentiles", or None for the full
        range of the type.
    """
    spec = source.spec
    if spec.image_dtype.kind == "u":
        counts = _counts(source)
        levels = np.arange(counts.shape[1], dtype=np.float64)
        pooled = counts.sum(axis=0)
        bounds = value_range(spec, wanted, lambda: _percentiles(pooled))
        unit = np.clip((levels - bounds[0]) / (bounds[1] - bounds[0]), 0, 1)
        total = counts.sum(axis=1)
        mean = counts @ unit / total
        variance = counts @ unit**2 / total - mean**2
    else:
        bounds = value_range(spec, wanted, lambda: _sampled_percentiles(source))
        mean, variance = _moments(source, bounds)
    std = np.sqrt(np.maximum(variance, 0))
    constant = np.flatnonzero(std < 1e-6)  # Rounding can leave a little more than 0.
    if constant.size:
        logger.warning(
            "Channels %s of dataset %r have one value in all images of split %r, so "
            "they are not divided by their deviation.",
            *(constant.tolist(), spec.name, source.split),
        )
        std[constant] = 1
    return PixelStatistics(bounds, tuple(mean.tolist()), tuple(std.tolist()))


def value_range(spec: DatasetSpec, wanted: Range | str | None, percentiles) -> Range:
    """Returns the two pixel values that the option `data.range` maps to 0 and 1.

    Args:
      spec: The specification of the dataset, with the type of the images.
      wanted: The option `data.range`: two values, "percentiles", or None for the full
        range of the type.
      percentiles: A function without arguments that computes the two values for the
        option "percentiles".

    Raises:
      ValueError: If `wanted` is None and the images are float32, which has no full
        range, or if it is "percentiles" and (nearly) all values are equal.
    """
    if wanted == "percentiles":
        low, high = percentiles()
        if not low < high:
            raise ValueError(
                "data.range='percentiles' is invalid: expected images with several "
                f"values, but nearly all values of {spec.name!r} are {low:g}. Pass "
                "--data.range LOW HIGH."
            )
        return low, high
    if wanted is not None:
        return float(wanted[0]), float(wanted[1])
    full = PixelType(spec.channels, spec.image_type).full_range
    if full is None:
        raise ValueError(
            "data.range=None is invalid: expected LOW HIGH or percentiles, because the "
            f"images of {spec.name!r} are float32, a type without a fixed range of "
            "values. Pass --data.range percentiles, or --data.range LOW HIGH with the "
            "values that are mapped to 0 and 1."
        )
    return full


def _counts(source: Source) -> np.ndarray:
    """Counts each value of integer images, int64 [C, values]."""
    spec = source.spec
    levels = int(np.iinfo(spec.image_dtype).max) + 1
    counts = np.zeros((spec.channels, levels), np.int64)
    for index in range(len(source)):
        image = source[index]["image"]
        for channel in range(spec.channels):
            found = np.bincount(image[..., channel].ravel(), minlength=levels)
            counts[channel] += found
    return counts


def _percentiles(counts: np.ndarray) -> Range:
    """Returns the smallest values up to which the shares of pixels are reached."""
    reached = np.cumsum(counts)
    shares = np.array(PERCENTILES) / 100 * reached[-1]
    low, high = np.searchsorted(reached, np.maximum(shares, 1))
    return float(low), float(high)


def _sampled_percentiles(source: Source) -> Range:
    share = max(1024, SAMPLE // len(source))
    kept = []
    for index in range(len(source)):
        values = source[index]["image"].ravel()
        kept.append(values[:: -(-values.size // share)])
    low, high = np.percentile(np.concatenate(kept).astype(np.float64), PERCENTILES)
    return float(low), float(high)


def _moments(source: Source, bounds: Range) -> tuple[np.ndarray, np.ndarray]:
    """Returns the mean and the variance of each channel, float64 [C]."""
    low, high = bounds
    count, first, second = 0, 0.0, 0.0
    for index in range(len(source)):
        image = source[index]["image"].astype(np.float64)
        unit = np.clip((image - low) / (high - low), 0, 1).reshape(-1, image.shape[-1])
        count += len(unit)
        first = first + unit.sum(axis=0)
        second = second + (unit**2).sum(axis=0)
    mean = first / count
    return mean, second / count - mean**2


def _stored(path: pathlib.Path, channels: int) -> PixelStatistics | None:
    """Returns the statistics in a file, or None if the file does not contain any."""
    try:
        fields = json.loads(path.read_bytes())
        found = PixelStatistics(**{k: tuple(v) for k, v in fields.items()})
        values = np.array([*found.value_range, *found.mean, *found.std], np.float64)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    fits = values.size == 2 + 2 * channels and len(found.mean) == len(found.std)
    return found if fits and np.isfinite(values).all() else None


def _record_name(source: Source, wanted: Range | str | None) -> str:
    """Returns the name of a file, which depends on the split and on the range."""
    what = f"{source.split} {wanted} {source.spec.source}"
    return f"pixel_statistics-{hashlib.sha256(what.encode()).hexdigest()[:12]}.json"
