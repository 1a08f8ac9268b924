"""Defines what is recorded of every pair of files while it is read."""

from __future__ import annotations

import dataclasses

import numpy as np

from jaxseg.data.layouts import Pair
from jaxseg.data.parts import File


@dataclasses.dataclass(frozen=True)
class ImageFacts:
    """Holds what is recorded of an image.

    Attributes:
      size: The (H, W) in pixels, as the network sees it.
      form: The file format and the kind of pixels, such as "PNG RGB", or "" for
        files that are no image files.
      orientation: The orientation tag, 1 to 8 as in EXIF.
      low: The smallest value, of all channels.
      high: The largest value, of all channels.
      sums: The sum of the values of each channel, int64 [3].
      squares: The sum of the squared values of each channel, int64 [3].
      digest: The digest of the pixels.
      hash: The perceptual hash, uint64.
      gray: The gray values of the hash, uint8 [32, 32].
    """

    size: tuple[int, int]
    form: str
    orientation: int
    low: int
    high: int
    sums: np.ndarray
    squares: np.ndarray
    digest: str
    hash: np.uint64
    gray: np.ndarray


@dataclasses.dataclass(frozen=True)
class MaskFacts:
    """Holds what is recorded of a mask.

    Attributes:
      size: The (H, W) in pixels.
      form: The file format and the kind of pixels, or "" for files that are no images.
      lossy: Whether the format changes values.
      values: The number of pixels of each value of the file.
      labels: The number of pixels of each label, or None if a value has no meaning.
    """

    size: tuple[int, int]
    form: str
    lossy: bool
    values: dict[int, int]
    labels: dict[int, int] | None


@dataclasses.dataclass(frozen=True)
class Fault:
    """Describes why `train` rejects a pair.

    Attributes:
      kind: A key of `jaxseg.audit.kinds.KINDS`.
      message: One sentence or more that names the file.
    """

    kind: str
    message: str


@dataclasses.dataclass(frozen=True)
class Sample:
    """Holds a small copy of a pair for the contact sheet.

    Attributes:
      image: Uint8 [h, w, 3].
      label: Uint8 [h, w], or None if the pair has no valid label.
    """

    image: np.ndarray
    label: np.ndarray | None


@dataclasses.dataclass(frozen=True)
class Record:
    """Holds what is recorded of a pair.

    Attributes:
      split: The name of the split.
      pair: The files.
      image: The facts of the image, or None if it cannot be read.
      mask: The facts of the mask, or None if it cannot be read.
      faults: The reasons why `train` rejects the pair.
      sample: A small copy, for some pairs.
    """

    split: str
    pair: Pair
    image: ImageFacts | None
    mask: MaskFacts | None
    faults: tuple[Fault, ...]
    sample: Sample | None = None

    @property
    def files(self) -> tuple[File, ...]:
        """Returns the existing files of the pair."""
        return tuple(file for file in (self.pair.image, self.pair.mask) if file)
