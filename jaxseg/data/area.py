"""Defines the class `Area`, which is a rectangle of an image in pixels."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Area:
    """Describes a rectangle of an image.

    Attributes:
      rows: The first row and the last row + 1.
      columns: The first column and the last column + 1.
      size: The (H, W) of the whole image in pixels.

    Raises:
      ValueError: If the rectangle is empty or not inside the image.
    """

    rows: tuple[int, int]
    columns: tuple[int, int]
    size: tuple[int, int]

    def __post_init__(self):
        for name, (start, stop), side in zip(
            ("rows", "columns"), (self.rows, self.columns), self.size, strict=True
        ):
            if not 0 <= start < stop <= side:
                raise ValueError(
                    f"{name}={(start, stop)} is invalid: expected a start and a larger "
                    f"stop from 0 to {side}, the size of the image."
                )

    @classmethod
    def whole(cls, size: tuple[int, int]) -> Area:
        """Returns the `Area` that covers a whole image.

        Args:
          size: The (H, W) of the image in pixels.
        """
        return cls((0, size[0]), (0, size[1]), size)

    @property
    def is_whole(self) -> bool:
        """Returns whether this rectangle covers the whole image."""
        return self == Area.whole(self.size)

    def of(self, pixels: np.ndarray) -> np.ndarray:
        """Returns the pixels of an image inside this rectangle, as a view of the image.

        Args:
          pixels: The whole image, [H, W] or [H, W, C].
        """
        return pixels[slice(*self.rows), slice(*self.columns)]
