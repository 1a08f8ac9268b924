"""How often each class occurs, and the class weights that follow.

Median frequency balancing: Eigen and Fergus, arXiv 1411.4734; SegNet, arXiv 1511.00561.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pathlib
import tempfile

import numpy as np

from jaxseg.data.source import Source


@dataclasses.dataclass(frozen=True)
class ClassFrequencies:
    """Pixel counts of a split.

    Attributes:
        pixels: labelled pixels of each class.
        present_pixels: all pixels, void included, of the images that hold the class.
    """

    pixels: tuple[int, ...]
    present_pixels: tuple[int, ...]

    @property
    def frequency(self) -> np.ndarray:
        """freq(c) = pixels of c / pixels of the images that hold c; nan if none."""
        pixels = np.array(self.pixels, np.float64)
        present = np.array(self.present_pixels, np.float64)
        return np.divide(
            pixels, present, out=np.full_like(pixels, np.nan), where=present > 0
        )

    @property
    def median_frequency_weights(self) -> np.ndarray:
        """median(freq) / freq(c), float64 [K]; 0 for a class that never occurs."""
        frequency = self.frequency
        return np.nan_to_num(np.nanmedian(frequency) / frequency, nan=0.0)


def class_frequencies(source: Source) -> ClassFrequencies:
    """Counts over all examples, kept beside the prepared data after the first time."""
    path = _record_path(source)
    if path is not None and path.is_file():
        fields = json.loads(path.read_text())
        return ClassFrequencies(**{k: tuple(v) for k, v in fields.items()})
    counts = count_classes(source)
    if path is not None:
        _write(path, json.dumps(dataclasses.asdict(counts)))
    return counts


def count_classes(source: Source) -> ClassFrequencies:
    """Counts over all examples.

    Raises:
        ValueError: if there is no labelled pixel at all.
    """
    pixels = np.zeros(source.spec.num_classes, np.int64)
    present = np.zeros_like(pixels)
    for index in range(len(source)):
        label = source.label(index)
        found = np.bincount(label.ravel(), minlength=256)[: pixels.size]
        pixels += found
        present[found > 0] += label.size
    if not pixels.any():
        raise ValueError(
            f"split {source.split!r} of dataset {source.spec.name!r} is all void"
        )
    return ClassFrequencies(tuple(pixels.tolist()), tuple(present.tolist()))


def _record_path(source: Source) -> pathlib.Path | None:
    if source.folder is None:
        return None
    split = hashlib.sha256(source.split.encode()).hexdigest()[:12]
    return source.folder / f"class_frequencies-{split}.json"


def _write(path: pathlib.Path, text: str):
    """Writes at once or not at all, whatever other processes do."""
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".json.part")
    with os.fdopen(handle, "w") as file:
        file.write(text)
    os.replace(name, path)
