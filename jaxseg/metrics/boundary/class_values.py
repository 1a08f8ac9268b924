"""Computes scores of the classes of an image from distances between boundaries.

The distances are those between the true and the predicted boundary of a class.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from jaxseg.metrics.boundary.distances import SQUARE, BoundaryDistances, Spacing
from jaxseg.metrics.image_means import image_means

F1_RATIO = 0.0075  # of the diagonal of the image
NEAR = 2.0  # pixels

SURFACE = (
    "hausdorff",
    "hausdorff_95",
    "average_surface_distance",
    "normalized_surface_distance",
)


class ClassValues(NamedTuple):
    """Contains scores of the classes of one image.

    Attributes:
      classes: The classes that occur in the image, integers [k].
      values: A dictionary from the name of each score to its value for each of these
        classes, float64 [k]. A value is nan if it is undefined.
    """

    classes: np.ndarray
    values: dict[str, np.ndarray]


def boundary_f1_values(
    distances: Iterable[tuple[int, BoundaryDistances]],
    size: tuple[int, int],
    *,
    spacing: Spacing = SQUARE,
) -> ClassValues:
    """Computes the boundary F1 score of each class of one image.

    Args:
      distances: The distances of each class, as `class_distances` yields them.
      size: The (H, W) of the image in pixels.
      spacing: The height and the width of a pixel. The tolerance is 0.0075 of the
        diagonal of the image, in the same unit.

    Returns:
      The scores under the name "boundary_f1".
    """
    height, width = (side * unit for side, unit in zip(size, spacing, strict=True))
    tolerance = F1_RATIO * math.hypot(height, width)
    found = [(k, one.f1(tolerance)) for k, one in distances]
    classes, values = _columns(found, 1)
    return ClassValues(classes, {"boundary_f1": values[0]})


def surface_values(
    distances: Iterable[tuple[int, BoundaryDistances]], tolerance: float = NEAR
) -> ClassValues:
    """Computes scores of the distances between boundaries for each class of one image.

    The scores are the Hausdorff distance, its 95th percentile, the average surface
    distance and the normalized surface distance. `SURFACE` lists their names.

    Args:
      distances: The distances of each class, as `class_distances` yields them.
      tolerance: The largest distance that the normalized surface distance accepts.
    """
    found = [
        (
            k,
            one.hausdorff(),
            one.hausdorff(95),
            one.average(),
            one.normalized(tolerance),
        )
        for k, one in distances
    ]
    classes, values = _columns(found, len(SURFACE))
    return ClassValues(classes, dict(zip(SURFACE, values, strict=True)))


def mean_values(images: list[ClassValues], num_classes: int) -> dict[str, Any]:
    """Averages scores over the classes and images of a dataset.

    Args:
      images: The scores of each image. All images have scores of the same names.
      num_classes: The number of classes K.

    Returns:
      A dictionary that contains the mean of each score under the name of the score, and
      the mean for each class, float64 [K], under the name with "_per_class".
    """
    result: dict[str, Any] = {}
    for name in images[0].values if images else ():
        pairs = [(image.classes, image.values[name]) for image in images]
        result |= image_means(name, pairs, num_classes)
    return result


def _columns(found: list[tuple], count: int) -> tuple[np.ndarray, np.ndarray]:
    table = np.array(found, np.float64).reshape(-1, count + 1)
    return table[:, 0].astype(np.int64), table[:, 1:].T
