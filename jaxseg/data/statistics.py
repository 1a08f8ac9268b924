"""Counts the labeled pixels of each class in a split."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import pathlib

import numpy as np

from jaxseg.data.label_bits import unpack
from jaxseg.data.source import Source
from jaxseg.data.spec import DatasetSpec
from jaxseg.storage.json_file import write_json

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class ClassFrequencies:
    """Contains the pixel counts of a split from which class frequencies are computed.

    Attributes:
      pixels: The number of pixels of each class.
      present_pixels: For each class, the number of all pixels, including void, in the
        images that contain the class.
    """

    pixels: tuple[int, ...]
    present_pixels: tuple[int, ...]

    @property
    def frequency(self) -> np.ndarray:
        """Returns how frequent each class is where it occurs, float64 [K].

        It is the number of pixels of the class, divided by the number of pixels of the
        images that contain the class. It is nan for a class that never occurs.
        """
        pixels = np.array(self.pixels, np.float64)
        present = np.array(self.present_pixels, np.float64)
        return np.divide(
            pixels, present, out=np.full_like(pixels, np.nan), where=present > 0
        )


def class_frequencies(source: Source) -> ClassFrequencies:
    """Returns how many pixels of a split belong to each class, as `ClassFrequencies`.

    The result also contains, for each class, the number of all pixels in the images
    that contain the class. The first call counts the pixels, and stores the counts in
    the folder of the prepared data. Later calls read the stored counts.

    Args:
      source: The examples.

    Raises:
      ValueError: If there is no labeled pixel.
    """
    path = _record_path(source)
    if path is not None and path.is_file():
        stored = _stored(path, source.spec.num_classes)
        if stored is not None:
            return stored
        logger.warning(
            "The class counts in %s are damaged, so they are computed again.", path
        )
    counts = count_classes(source)
    if path is not None:
        write_json(path, dataclasses.asdict(counts))
    return counts


def _stored(path: pathlib.Path, num_classes: int) -> ClassFrequencies | None:
    """Returns the counts in a file, or None if the file does not contain counts."""
    try:
        fields = json.loads(path.read_bytes())
        found = ClassFrequencies(**{k: tuple(v) for k, v in fields.items()})
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    values = (*found.pixels, *found.present_pixels)
    fits = len(found.pixels) == len(found.present_pixels) == num_classes
    return found if fits and all(type(v) is int and v >= 0 for v in values) else None


def count_classes(source: Source) -> ClassFrequencies:
    """Counts the pixels of each class by reading the labels of all examples.

    It returns `ClassFrequencies`, as the function `class_frequencies` does, but never
    uses stored counts.

    Args:
      source: The examples.

    Raises:
      ValueError: If there is no labeled pixel.
    """
    pixels = np.zeros(source.spec.num_classes, np.int64)
    present = np.zeros_like(pixels)
    for index in range(len(source)):
        label = source.label(index)
        found = _pixels_of(source.spec, label)
        pixels += found
        present[found > 0] += label.size
    if not pixels.any():
        raise ValueError(
            f"split {source.split!r} of dataset {source.spec.name!r} is all void: "
            "expected at least one labeled pixel. Correct the masks or data.labels."
        )
    return ClassFrequencies(tuple(pixels.tolist()), tuple(present.tolist()))


def _pixels_of(spec: DatasetSpec, label: np.ndarray) -> np.ndarray:
    """Returns the number of pixels of each class, int64 [K]."""
    if spec.multilabel:
        present, _ = unpack(label, spec.num_classes, spec.void)
        return present.sum((0, 1), dtype=np.int64)
    return np.bincount(label.ravel(), minlength=spec.num_classes)[: spec.num_classes]


def _record_path(source: Source) -> pathlib.Path | None:
    if source.folder is None:
        return None
    split = hashlib.sha256(source.split.encode()).hexdigest()[:12]
    return source.folder / f"class_frequencies-{split}.json"
