"""Summarizes the images and masks of a dataset as JSON values."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from jaxseg.audit.overlapping import combination, void_value
from jaxseg.audit.record import ImageFacts, Record
from jaxseg.data.builders.pairs_config import PairsConfig
from jaxseg.data.ignore_index import void_of
from jaxseg.data.labels import LabelMap
from jaxseg.data.pixel_type import PixelType
from jaxseg.losses.class_weights import median_frequency


def split_summary(
    config: PairsConfig, records: Sequence[Record], names: Sequence[str]
) -> dict[str, Any]:
    """Summarizes the images and masks of one split as JSON values.

    Args:
      config: The files and the labels of the dataset.
      records: The properties of the image and the mask of each pair of the split.
      names: The class names.

    Returns:
      A dictionary with the number of pairs, their sizes and formats, the statistics of
      the pixels, and how often each mask value and each class occurs.
    """
    images = [record.image for record in records if record.image is not None]
    masks = [record.mask for record in records if record.mask is not None]
    return {
        "pairs": len(records),
        "accepted_pairs": sum(not record.faults for record in records),
        "image_sizes": _counts(_size(image.size) for image in images),
        "image_forms": _counts(image.form for image in images if image.form),
        "mask_forms": _counts(mask.form for mask in masks if mask.form),
        "pixels": str(config.pixels),
        **_pixel_statistics(images, config.pixels),
        "mask_values": _mask_values(config, records, names),
        "void": _void_share(config, records, names),
        "classes": _classes(config, records, names),
    }


def _counts(words: Iterable[str]) -> dict[str, int]:
    """Counts words, the most frequent one first."""
    return dict(collections.Counter(words).most_common())


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _pixel_statistics(
    images: Sequence[ImageFacts], pixels: PixelType
) -> dict[str, Any]:
    """Returns the range of the values, their mean and their deviation.

    Mean and deviation of integers are divided by the largest value of the type.
    """
    images = [image for image in images if len(image.sums) == pixels.channels]
    unit = (pixels.full_range or (0, 1))[1]
    if not images:
        return {"range": None, "mean": None, "std": None}
    count = sum(image.size[0] * image.size[1] for image in images)
    mean = sum(image.sums for image in images) / count
    square = sum(image.squares for image in images) / count
    return {
        "range": [min(i.low for i in images), max(i.high for i in images)],
        "mean": (mean / unit).tolist(),
        "std": (np.sqrt(np.maximum(square - mean**2, 0)) / unit).tolist(),
    }


def _mask_values(
    config: PairsConfig, records: Sequence[Record], names: Sequence[str]
) -> list[dict[str, Any]]:
    """Lists the values in the masks with their meanings."""
    pixels: collections.Counter[int] = collections.Counter()
    masks: collections.Counter[int] = collections.Counter()
    for record in records:
        if record.mask is not None and not record.mask.lossy:
            pixels.update(record.mask.values)
            masks.update(record.mask.values.keys())
    return [
        {
            "value": value,
            "meaning": _meaning(config, value, names),
            "pixels": pixels[value],
            "masks": masks[value],
        }
        for value in sorted(pixels)
    ]


def _meaning(config: PairsConfig, value: int, names: Sequence[str]) -> str | None:
    """Returns the class name of a mask value, "void", or None if it has no meaning."""
    if config.dataset.multilabel:
        return combination(value, names) if names else None
    labels: LabelMap | None = config.masks.labels
    label = value
    if labels is not None:
        unlisted = labels.void if config.masks.unlisted == "void" else None
        label = dict(labels.pairs).get(value, unlisted)
    if label == (void_of(len(names)) if labels is None else labels.void):
        return "void"
    return names[label] if label is not None and 0 <= label < len(names) else None


def _classes(
    config: PairsConfig, records: Sequence[Record], names: Sequence[str]
) -> list[dict[str, Any]]:
    """Counts each class in the accepted pairs.

    Frequencies are shares of the pixels that are not void. If classes can overlap, the
    sum of the frequencies can differ from 1.

    The weights are those of `--loss.class-weights median_frequency`.
    """
    pixels, masks = (np.zeros(len(names), np.int64) for _ in range(2))
    known, void = 0, void_value(config, names)
    for record in records:
        if record.mask is None or record.mask.labels is None or record.faults:
            continue
        for label, count in record.mask.labels.items():
            if label < len(names):
                pixels[label] += count
                masks[label] += 1
        values = record.mask.values
        known += sum(values.values()) - values.get(void, 0)
    total = int(pixels.sum())
    known = known if config.dataset.multilabel else total
    weights = (
        median_frequency(pixels.tolist()).tolist() if total else [0.0] * len(names)
    )
    return [
        {
            "class": name,
            "pixels": int(pixels[k]),
            "masks": int(masks[k]),
            "frequency": pixels[k] / known if known else 0.0,
            "weight": weights[k],
        }
        for k, name in enumerate(names)
    ]


def _void_share(
    config: PairsConfig, records: Sequence[Record], names: Sequence[str]
) -> float:
    """Returns the share of void pixels in the masks whose values have a meaning."""
    masks = [record.mask for record in records if record.mask is not None]
    labels: collections.Counter[int] = collections.Counter()
    for mask in masks:
        labels.update((mask.values if config.dataset.multilabel else mask.labels) or {})
    return labels[void_value(config, names)] / labels.total() if labels else 0.0
