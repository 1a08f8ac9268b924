"""Measures the distances between the contours of two masks, weighted by their length.

A contour runs between the centers of pixels, through the midpoints between pixels
inside and outside of the mask. Each square of four neighboring pixel centers that the
contour crosses contains one element of the contour. The position of the element is the
center of the square, and its weight is the length of the contour in the square.

References:
  S. Nikolov et al., "Deep learning to achieve clinically applicable segmentation of
  head and neck anatomy", arXiv 1809.04430, and their package surface-distance.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from jaxseg.metrics.boundary.distances import SQUARE, Spacing, nearest


@dataclasses.dataclass(frozen=True, eq=False)
class Side:
    """Contains the elements of one contour, and their distances to another contour.

    An element is the piece of the contour inside a square of four pixel centers.

    Attributes:
      distance: The distance of each element to the other contour, float64 [n], sorted.
      length: The length of each element, float64 [n].
    """

    distance: np.ndarray
    length: np.ndarray

    def percentile(self, percentile: float) -> float:
        """Returns a percentile of the distances of this contour to the other one.

        The distance of `percentile` % of the length of this contour is at most the
        result.
        """
        share = np.cumsum(self.length) / self.length.sum()
        place = int(np.searchsorted(share, percentile / 100))
        return float(self.distance[min(place, len(share) - 1)])


@dataclasses.dataclass(frozen=True, eq=False)
class ContourDistances:
    """Contains the distances between the contours of a true and of a predicted mask.

    Attributes:
      predicted: The pieces of the predicted contour, with their lengths and their
        distances to the true contour.
      true: The pieces of the true contour, with their lengths and their distances to
        the predicted contour.
    """

    predicted: Side
    true: Side

    @property
    def is_defined(self) -> bool:
        """Returns whether both masks have pixels, so that all distances are finite."""
        return bool(self.predicted.distance.size and self.true.distance.size)

    def hausdorff(self, percentile: float = 100) -> float:
        """Returns the Hausdorff distance, or nan if a mask is empty.

        Args:
          percentile: 100 for the largest distance. With a smaller value, the result is
            the larger one of two values: this percentile of the distances of the
            predicted contour, and that of the distances of the true contour.
        """
        if not self.is_defined:
            return math.nan
        sides = (self.predicted, self.true)
        return max(side.percentile(percentile) for side in sides)

    def average(self) -> tuple[float, float]:
        """Returns the mean distance of each contour to the other one.

        The first value belongs to the predicted contour, the second one to the true
        contour. Both are nan if a mask is empty.
        """
        if not self.is_defined:
            return math.nan, math.nan
        first, second = (
            float(np.average(side.distance, weights=side.length))
            for side in (self.predicted, self.true)
        )
        return first, second

    def normalized(self, tolerance: float) -> float:
        """Returns the fraction of both contours' length that is near the other contour.

        It is nan if both masks are empty.

        Args:
          tolerance: The largest distance to the other contour that counts as near.
        """
        sides = (self.predicted, self.true)
        total = sum(side.length.sum() for side in sides)
        near = sum(side.length[side.distance <= tolerance].sum() for side in sides)
        return float(near / total) if total else math.nan


def contour_distances(
    prediction: np.ndarray, label: np.ndarray, *, spacing: Spacing = SQUARE
) -> ContourDistances:
    """Measures the distances between the contours of two masks.

    Args:
      prediction: Where the object is predicted, bool [H, W].
      label: Where the object is, bool [H, W].
      spacing: The height and the width of a pixel. Distances have the same unit.

    Returns:
      An object with the distances of each contour to the other one. Its methods compute
      scores from them, such as the Hausdorff distance.

    Raises:
      ValueError: If the shapes differ.
    """
    masks = [np.asarray(mask, bool) for mask in (prediction, label)]
    if masks[0].shape != masks[1].shape:
        raise ValueError(
            f"prediction.shape={masks[0].shape} is invalid: expected {masks[1].shape}, "
            "the shape of the label."
        )
    lengths = [contour_lengths(mask, spacing) for mask in masks]
    points = [np.argwhere(x > 0) * np.asarray(spacing, np.float64) for x in lengths]
    sides = []
    for mine, other in ((0, 1), (1, 0)):
        length = lengths[mine][lengths[mine] > 0]
        same = (lengths[other] > 0)[lengths[mine] > 0]
        distance = nearest(points[mine], points[other], same)
        order = np.lexsort((length, distance))
        sides.append(Side(distance[order], length[order]))
    return ContourDistances(*sides)


def contour_lengths(mask: np.ndarray, spacing: Spacing = SQUARE) -> np.ndarray:
    """Returns the length of the contour in each square of four pixel centers.

    Args:
      mask: The mask, bool [H, W]. Pixels outside of the image are outside of the mask.
      spacing: The height and the width of a pixel.

    Returns:
      float64 [H + 1, W + 1].

    >>> float(contour_lengths(np.ones((1, 1), bool)).sum() / np.sqrt(2))
    2.0
    """
    height, width = spacing
    padded = np.pad(mask, 1)
    upper, lower = ((rows[:, :-1], rows[:, 1:]) for rows in (padded[:-1], padded[1:]))
    count = sum(x.astype(np.int64) for x in (*upper, *lower))
    corner = math.hypot(height, width) / 2
    length = np.where((count == 1) | (count == 3), corner, 0.0)
    two = count == 2
    length[two & (upper[0] == upper[1])] = width  # a horizontal line
    length[two & (upper[0] == lower[0])] = height
    length[two & (upper[0] == lower[1])] = 2 * corner
    return length
