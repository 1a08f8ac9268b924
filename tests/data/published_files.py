"""Writes the small files of which tiny copies of published datasets consist."""

import dataclasses
import pathlib
from collections.abc import Callable

import numpy as np
from PIL import Image

ROWS = 2  # All rows of a mask are equal.


@dataclasses.dataclass(frozen=True)
class Copy:
    """Describes a tiny copy of a dataset.

    Attributes:
      name: The name of the dataset.
      draw: Writes the files into a folder.
      labels: The row of labels of each example of each split.
      variant: The choice of `data.variant`.
    """

    name: str
    draw: Callable[[pathlib.Path], None]
    labels: dict[str, dict[str, list[int]]]
    variant: str = ""

    def __str__(self):
        return "-".join(filter(None, (self.draw.__name__[5:], self.variant)))


def save_photo(path, width):
    """Writes a gray photograph of two rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, ROWS), (90, 90, 90)).save(path)


def save_mask(path, row, colors=None):
    """Writes a mask of two equal rows, with a palette if `colors` is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(np.array([row] * ROWS, np.uint8))
    if colors is not None:
        picture = Image.fromarray(np.asarray(picture), "P")
        picture.putpalette(bytes(np.asarray(colors, np.uint8)))
    picture.save(path)


def save_colors(path, row):
    """Writes a colored mask of two equal rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.array([row] * ROWS, np.uint8)).save(path)


def spoil(pattern, save, *values):
    """Returns a function that overwrites the first file that a pattern matches."""
    return lambda root: save(min(root.glob(pattern)), *values)


def remove(pattern):
    """Returns a function that deletes the first file that a pattern matches."""
    return lambda root: min(root.glob(pattern)).unlink()
