"""Counts the pixels with each value in the masks of a split."""

from __future__ import annotations

import collections
import dataclasses
import pathlib

import numpy as np

from jaxseg.data.spec import VOID

SHOWN = 8  # A message shows at most this many values.


@dataclasses.dataclass
class MaskValues:
    """Contains the number of pixels with each value in one mask or in a split's masks.

    Attributes:
      split: The name of the split. It is empty for a single mask.
      pixels: A dictionary from each value to the number of its pixels.
      first: A dictionary from each value to the first mask file that contains it.
      only_ground: The first mask file whose values are 0 and 255 or only 255, or None
        if there is no such file.
      void_and_object: Whether a mask contains 255 together with a value other than 0.
    """

    split: str = ""
    pixels: collections.Counter[int] = dataclasses.field(
        default_factory=collections.Counter
    )
    first: dict[int, pathlib.Path] = dataclasses.field(default_factory=dict)
    only_ground: pathlib.Path | None = None
    void_and_object: bool = False

    @classmethod
    def of_mask(cls, path: pathlib.Path, pixels: dict[int, int]) -> MaskValues:
        """Creates an object that describes the values of a single mask.

        Args:
          path: The mask file.
          pixels: A dictionary from each value to the number of its pixels.
        """
        found = cls()
        found.add(path, pixels)
        return found

    @property
    def values(self) -> set[int]:
        """Returns the set of the values that occur in the masks."""
        return set(self.pixels)

    def add(self, path: pathlib.Path, pixels: dict[int, int]) -> None:
        """Adds the pixel counts of one mask to those of the split.

        Args:
          path: The mask file.
          pixels: A dictionary from each value to the number of its pixels.
        """
        self.pixels.update(pixels)
        for value in pixels:
            self.first.setdefault(value, path)
        if VOID in pixels:
            if pixels.keys() <= {0, VOID}:
                self.only_ground = self.only_ground or path
            else:
                self.void_and_object = True

    def describe(self) -> str:
        """Returns a clause that lists the values and the number of pixels of each.

        An example is "it contains 0 (12 pixels)".
        """
        subject = (
            f"the masks of split {self.split!r} contain"
            if self.split
            else "it contains"
        )
        return f"{subject} {self.describe_values()}"

    def describe_values(self) -> str:
        """Returns text that lists the values and the number of pixels of each.

        An example is "0 (12 pixels) and 1 (4 pixels)". The values are in ascending
        order. If there are many, "..." stands for those in the middle.
        """
        values = sorted(self.pixels)
        words = [f"{value} ({self.pixels[value]:,} pixels)" for value in values]
        if len(words) > SHOWN:
            count = f"({len(words)} values)"
            words = [*words[: SHOWN - 2], "...", f"{words[-1]} {count}"]
        return " and ".join(words) if len(words) == 2 else ", ".join(words)


def count_values(mask: np.ndarray) -> dict[int, int]:
    """Counts the pixels of each value in a mask.

    Args:
      mask: Integers of any type, [H, W].

    Returns:
      A dictionary from each value that occurs to the number of its pixels, in ascending
      order of the values.
    """
    if mask.dtype == np.uint8:
        counts = np.bincount(mask.ravel(), minlength=256)
        return {int(value): int(counts[value]) for value in np.flatnonzero(counts)}
    values, counts = np.unique(mask, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))
