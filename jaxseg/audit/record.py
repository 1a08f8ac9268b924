"""Defines the properties of images and masks that the check of a dataset uses."""

from __future__ import annotations

import dataclasses

import numpy as np

from jaxseg.data.layouts import Pair
from jaxseg.data.parts import File


@dataclasses.dataclass(frozen=True)
class ImageFacts:
    """Contains the properties of an image that the data check uses.

    Attributes:
      size: The (H, W) in pixels, after the orientation tag is applied.
      form: The file format and the pixel mode, such as "PNG RGB", or "" if the file
        is not an image file.
      orientation: The orientation tag, 1 to 8 as in EXIF.
      low: The smallest pixel value of all channels.
      high: The largest pixel value of all channels.
      sums: The sum of the values of each channel, int64 or float64 [C].
      squares: The sum of the squared values of each channel, int64 or float64 [C].
      values: At most 1024 pixel values, taken at equal distances from all values,
        float32.
      digest: A digest that is equal for images with equal sizes and pixels.
      hash: The perceptual hash, uint64.
      gray: The gray values from which the hash was computed, uint8 [32, 32].
    """

    size: tuple[int, int]
    form: str
    orientation: int
    low: float
    high: float
    sums: np.ndarray
    squares: np.ndarray
    values: np.ndarray
    digest: str
    hash: np.uint64
    gray: np.ndarray


@dataclasses.dataclass(frozen=True)
class MaskFacts:
    """Contains the properties of a mask that the data check uses.

    Attributes:
      size: The (H, W) in pixels.
      form: The file format and the pixel mode, such as "PNG L", or "" if the file is
        not an image.
      lossy: Whether the compression of the format changes pixel values.
      values: The number of pixels with each value in the file. If classes can overlap,
        a value is a packed label, see `jaxseg.data.label_bits`.
      labels: The number of pixels with each label, or None if a value in the file
        belongs to no class. If classes can overlap, void is left out, and a pixel
        counts for each of its classes.
    """

    size: tuple[int, int]
    form: str
    lossy: bool
    values: dict[int, int]
    labels: dict[int, int] | None


@dataclasses.dataclass(frozen=True)
class Fault:
    """Describes why `jaxseg train` rejects a pair of image and mask.

    Attributes:
      kind: A key of `jaxseg.audit.kinds.KINDS`.
      message: One or more sentences that name the file and the reason.
    """

    kind: str
    message: str


@dataclasses.dataclass(frozen=True)
class Sample:
    """Contains a small copy of an image and its label, for the HTML report.

    Attributes:
      image: Uint8 [h, w, 3], or float32 [h, w, 1 or 3] with the values of images that
        are not 8-bit RGB.
      label: Integers [h, w], or None if the pair has no valid label.
    """

    image: np.ndarray
    label: np.ndarray | None


@dataclasses.dataclass(frozen=True)
class Record:
    """Contains the properties of an image and its mask that the data check uses.

    Attributes:
      split: The name of the split.
      pair: The files of the image and the mask.
      image: The size, the format and the pixel statistics of the image, or None if it
        cannot be read.
      mask: The size, the format and the pixel counts of the mask, or None if it cannot
        be read.
      faults: The reasons why `jaxseg train` rejects the pair.
      sample: A small copy of the pair for the report, or None if it is not shown.
    """

    split: str
    pair: Pair
    image: ImageFacts | None
    mask: MaskFacts | None
    faults: tuple[Fault, ...]
    sample: Sample | None = None

    @property
    def files(self) -> tuple[File, ...]:
        """Returns a tuple of the image file and the mask file, if they exist."""
        return tuple(file for file in (self.pair.image, self.pair.mask) if file)
