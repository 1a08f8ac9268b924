"""Reduces the mask and the prediction of one example to a coarse grid of pixels."""

from __future__ import annotations

import dataclasses
import functools
import math

import numpy as np
from scipy import ndimage

from jaxseg.audit.ranking.colors import color_numbers

BORDER = 0.007  # Width of the band along borders as a share of the image's diagonal.
REACH = 0.033  # Largest tested displacement as a share of the image's diagonal.
LARGEST_STRIDE = 4  # A larger one is faster, but can miss small and thin objects.
LEAST = 1e-5  # Probabilities below this value count as this value.


@dataclasses.dataclass(frozen=True, eq=False)
class Grid:
    """Contains every `stride`-th row and column of a mask and of its prediction.

    Networks predict at a fraction of the resolution, and masks are drawn with an error
    of some pixels. A coarse grid therefore loses no useful information.

    Attributes:
      probabilities: The predicted probabilities, float32 [h, w, K]. The networks were
        not trained on the example.
      given: The class in the mask at each grid point, int [h, w], and 0 where the mask
        is void.
      valid: Whether the mask is not void at a grid point, bool [h, w].
      colors: The quantized color of the image at each grid point, int [h, w].
      stride: The distance between neighboring grid points in pixels.
      border: The width of the band along borders between regions in which neither masks
        nor networks are reliable, in grid points.
      reach: The largest displacement of a region that is tried, in grid points.
    """

    probabilities: np.ndarray
    given: np.ndarray
    valid: np.ndarray
    colors: np.ndarray
    stride: int
    border: float
    reach: int

    @functools.cached_property
    def predicted(self) -> np.ndarray:
        """Returns the most probable class at each grid point, int [h, w]."""
        return self.probabilities.argmax(-1)

    @functools.cached_property
    def confidence(self) -> np.ndarray:
        """Returns the predicted probability of the mask's class at each grid point.

        The result is float32 [h, w].
        """
        index = self.given[..., None]
        return np.take_along_axis(self.probabilities, index, -1)[..., 0]

    @functools.cached_property
    def log_ratio(self) -> np.ndarray:
        """Returns how much the prediction prefers another class to the mask's class.

        The result is log(largest probability / probability of the class in the mask) at
        each grid point, [h, w]. It is 0 where the mask has the most probable class.
        """
        largest = self.probabilities.max(-1)
        return np.log(np.maximum(largest, LEAST) / np.maximum(self.confidence, LEAST))

    @functools.cached_property
    def margin(self) -> np.ndarray:
        """Returns how much the prediction prefers the class in the mask to all others.

        The result is the probability of the class in the mask minus the largest
        probability of another class at each grid point, [h, w].
        """
        others = self.probabilities.copy()
        np.put_along_axis(others, self.given[..., None], -1.0, axis=-1)
        return self.confidence - others.max(-1)

    @functools.cached_property
    def regions(self) -> tuple[np.ndarray, int]:
        """Gives a number to each connected region of one class in the mask.

        Returns:
          The number of the region at each grid point, int32 [h, w], 0 at void, and the
          number of regions.
        """
        return numbered(np.where(self.valid, self.given, -1))


def make_grid(
    image: np.ndarray, probabilities: np.ndarray, label: np.ndarray, void: int
) -> Grid:
    """Reduces an example and its prediction to equally spaced pixels, as a `Grid`.

    The distance between these pixels depends on the size of the image.

    Args:
      image: The image, uint8 [H, W, 3].
      probabilities: The predicted probabilities, float32 [H, W, K]. The networks were
        not trained on the example.
      label: The mask, integers [H, W].
      void: The ignore index.
    """
    diagonal = math.hypot(*label.shape)
    stride = min(max(int(BORDER * diagonal / 2), 1), LARGEST_STRIDE)
    label = label[::stride, ::stride]
    valid = label != void
    return Grid(
        probabilities[::stride, ::stride].astype(np.float32),
        given=np.where(valid, label, 0).astype(np.int64),
        valid=valid,
        colors=color_numbers(image, stride),
        stride=stride,
        border=max(BORDER * diagonal / stride, 1.0),
        reach=max(round(REACH * diagonal / stride), 2),
    )


def numbered(values: np.ndarray) -> tuple[np.ndarray, int]:
    """Gives a number, from 1 on, to each connected region of equal values.

    Pixels are neighbors if they share an edge.

    Args:
      values: Integers [h, w]. Negative values belong to no region.

    Returns:
      The number of the region of each pixel, int32 [h, w], 0 for no region, and the
      number of regions.
    """
    numbers, count = np.zeros(values.shape, np.int32), 0
    for value in np.unique(values[values >= 0]):
        found, more = ndimage.label(values == value)
        numbers += np.where(found > 0, found + count, 0).astype(np.int32)
        count += more
    return numbers, count


def depth(numbers: np.ndarray) -> np.ndarray:
    """Returns the distance in pixels of each pixel from the border of its region.

    Pixels with a neighbor in another region have the distance 0.

    Args:
      numbers: The number of the region of each pixel, integers [h, w].

    Returns:
      The distances, float [h, w].
    """
    edge = np.zeros(numbers.shape, bool)
    for axis in (0, 1):
        along, marks = np.moveaxis(numbers, axis, 0), np.moveaxis(edge, axis, 0)
        differs = along[1:] != along[:-1]
        marks[1:] |= differs
        marks[:-1] |= differs
    if not edge.any():
        return np.full(numbers.shape, float(max(numbers.shape)))
    return ndimage.distance_transform_edt(~edge)
