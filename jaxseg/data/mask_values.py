"""Counting the values in the masks of a split."""

from __future__ import annotations

import collections
import dataclasses
import pathlib

import numpy as np

from jaxseg.data.spec import VOID

SHOWN = 8  # values in a message


@dataclasses.dataclass
class MaskValues:
    """The values in the masks of a split, or in a single mask.

    Attributes:
      split: Name of the split; empty for a single mask.
      pixels: Value -> number of pixels.
      first: Value -> the first mask that holds it.
      only_ground: The first mask that holds 255 and nothing else but 0, or None.
      void_and_object: Whether a mask holds 255 beside a value other than 0.
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
        """The values of a single mask; arguments as of `add`."""
        found = cls()
        found.add(path, pixels)
        return found

    @property
    def values(self) -> set[int]:
        """The values that occur."""
        return set(self.pixels)

    def add(self, path: pathlib.Path, pixels: dict[int, int]) -> None:
        """Counts one mask.

        Args:
          path: Its file.
          pixels: Value -> number of pixels.
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
        """Says what holds which values and how often: "it holds 0 (12 pixels), ..."."""
        subject = (
            f"the masks of split {self.split!r} hold" if self.split else "it holds"
        )
        return f"{subject} {self.describe_values()}"

    def describe_values(self) -> str:
        """Says which values occur and how often, in the order of the values."""
        values = sorted(self.pixels)
        words = [f"{value} ({self.pixels[value]:,} pixels)" for value in values]
        if len(words) > SHOWN:
            count = f"({len(words)} values)"
            words = [*words[: SHOWN - 2], "...", f"{words[-1]} {count}"]
        return " and ".join(words) if len(words) == 2 else ", ".join(words)


def count_values(mask: np.ndarray) -> dict[int, int]:
    """Counts the pixels of each value.

    Args:
      mask: Integers of any size [H, W].

    Returns:
      Value -> number of pixels, in the order of the values.
    """
    if mask.dtype == np.uint8:
        counts = np.bincount(mask.ravel(), minlength=256)
        return {int(value): int(counts[value]) for value in np.flatnonzero(counts)}
    values, counts = np.unique(mask, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))
