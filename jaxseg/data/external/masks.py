"""Converts the stored masks of a tensorflow_datasets builder to labels."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxseg.data.external import pixels
from jaxseg.data.labels import LabelMap
from jaxseg.data.mask_reader import THREADS, MaskReader
from jaxseg.data.mask_rules import check_values
from jaxseg.data.mask_values import MaskValues, count_values
from jaxseg.data.pixel_type import RGB8, PixelType
from jaxseg.storage.json_file import write_json

VERSION = 1  # Increase it when other values are counted or checked.


@dataclasses.dataclass(frozen=True)
class StoredMasks:
    """Decodes the image and the mask of an example that a builder has stored.

    Attributes:
      labels: The label map of the user, or None if the mask values are the labels.
      names: The class names, or () if none are given. The number of classes then
        follows from the largest label in the masks.
      origin: Where the class names come from, for error messages.
      title: The name of the dataset and, if known, of the split, for error messages.
      max_pixels: The largest number of pixels. Larger images and masks are refused.
      pixels: The channels and the type of the images.
    """

    labels: LabelMap | None
    names: tuple[str, ...]
    origin: str
    title: str
    max_pixels: int
    pixels: PixelType = RGB8

    def of_split(self, split: str) -> StoredMasks:
        """Returns a copy of this decoder whose error messages also name a split."""
        return dataclasses.replace(self, title=f"{self.title}, split {split!r}")

    def place(self, record: Mapping[str, Any]) -> str:
        """Returns text that identifies a stored example in error messages."""
        return f"{self.title}, example {int(record['id'])}"

    def image(self, record: Mapping[str, Any]) -> np.ndarray:
        """Returns the image of a stored example, [H, W, C]."""
        place, stored = self.place(record), record["image"]
        if isinstance(stored, np.ndarray):
            return pixels.check_array(stored, place, self.pixels)
        found = pixels.decode_image(stored, place, self.max_pixels)
        return found[..., : self.pixels.channels]

    def size(self, record: Mapping[str, Any]) -> tuple[int, int]:
        """Returns the (H, W) of the image of a stored example."""
        stored = record["image"]
        if isinstance(stored, np.ndarray):
            return stored.shape[:2]
        return pixels.check_image(stored, self.place(record), self.max_pixels)

    def values(self, record: Mapping[str, Any]) -> np.ndarray:
        """Returns the mask values of a stored example, integers [H, W]."""
        place = self.place(record)
        return pixels.decode_mask(record["label"], place, self.max_pixels)

    def label(self, record: Mapping[str, Any]) -> np.ndarray:
        """Returns the labels of a stored example, [H, W].

        The labels are uint8 with 255 for void, or uint16 with 65535 for void.

        Raises:
          ValueError: If a value is neither in the label map nor the label of a class.
            The message names the example.
        """
        mask = self.values(record)
        return self._rules.to_labels(self.place(record), mask, lossy=False)

    def count(self, examples: Sequence[Mapping[str, Any]], split: str) -> MaskValues:
        """Counts the pixels of each value in a split's masks, and checks mask sizes.

        Args:
          examples: The stored examples.
          split: The split, for error messages.

        Returns:
          The number of pixels of each value, as a `MaskValues` object.

        Raises:
          ValueError: If an image or a mask is refused, or their sizes differ.
        """

        def count_one(index: int) -> tuple[str, dict[int, int]]:
            record = examples[index]
            mask, size = self.values(record), self.size(record)
            if mask.shape != size:
                raise ValueError(
                    f"{self.place(record)}: The mask is {mask.shape[0]}x"
                    f"{mask.shape[1]}: expected the size {size[0]}x{size[1]} (height x "
                    "width) of the image."
                )
            return self.place(record), count_values(mask)

        found = MaskValues(split)
        with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            for place, counted in pool.map(count_one, range(len(examples))):
                found.add(place, counted)
        return found

    def check(self, splits: Sequence[MaskValues]) -> None:
        """Checks that every mask value is in the label map or is the label of a class.

        Args:
          splits: For each split, the values in its masks and the number of pixels of
            each value.

        Raises:
          ValueError: If a value is neither in the label map nor the label of a class.
        """
        if self.labels is None:
            option = "--data.classes"
            check_values(splits, self.names, self.origin, option=option)
            return
        for found in splits:
            self._rules.check(found)

    @property
    def _rules(self) -> MaskReader:
        count = len(self.names) or None
        return MaskReader(
            self.labels, given=True, num_classes=count, origin=self.origin
        )


def remembered(
    file: pathlib.Path, masks: StoredMasks, examples: Any, split: str
) -> MaskValues:
    """Counts the mask values of a split, or reads the counts of an earlier call.

    Args:
      file: The file in which the counts are stored. Its name is a digest that changes
        with the dataset and the options.
      masks: The decoder of the masks.
      examples: A function that returns the stored examples.
      split: The split.

    Returns:
      The number of pixels of each value, as a `MaskValues` object.
    """
    found = _read_counts(file, split)
    if found is None:
        found = masks.count(examples(), split)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, _as_json(found))
    return found


def digest_of(*parts: Any) -> str:
    """Returns a hexadecimal digest that changes with any of the given JSON values."""
    text = json.dumps([VERSION, *parts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _as_json(found: MaskValues) -> dict[str, Any]:
    return {
        "pixels": sorted(found.pixels.items()),
        "first": sorted(found.first.items()),
        "only_ground": found.only_ground,
        "void_and_object": found.void_and_object,
    }


def _read_counts(file: pathlib.Path, split: str) -> MaskValues | None:
    """Returns stored counts, or None if there are none that can be read."""
    try:
        stored = json.loads(file.read_bytes())
        found = MaskValues(split, first=dict(stored["first"]))
        found.pixels.update(dict(stored["pixels"]))
        found.only_ground = stored["only_ground"]
        found.void_and_object = stored["void_and_object"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if found.first.keys() == found.values else None
