"""Measures how well the mask of an example agrees with the networks' prediction."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import ndimage

from jaxseg.audit.ranking.disagreement import (
    Box,
    Disagreement,
    box_of,
    disagreements,
)
from jaxseg.audit.ranking.displacement import Displacement, displacement, log_ratios
from jaxseg.audit.ranking.grid import Grid, depth

SMALLEST = 15  # Smaller regions, in grid points, are not recorded.
TEMPERATURE = 0.1  # of the soft minimum, as in Lad and Mueller (arXiv 2307.05080)


@dataclasses.dataclass(frozen=True)
class Region:
    """Describes a connected region of a mask.

    Attributes:
      given: The class in the mask.
      area: The number of pixels.
      box: The first row and column, and the row and column after the last, in pixels.
      confidence: The mean probability of the class in the mask (self-confidence).
        Points near the border of the region count less.
      margin: The mean difference between this probability and the largest probability
        of another class.
      displacement: The displacement with which the region fits the prediction best, or
        None if it fits best where it is.
    """

    given: int
    area: int
    box: Box
    confidence: float
    margin: float
    displacement: Displacement | None


@dataclasses.dataclass(frozen=True, eq=False)
class Measures:
    """Contains measures of how well the mask and the prediction of an example agree.

    Attributes:
      regions: The regions of the mask.
      disagreements: The regions in which prediction and mask disagree.
      pixels: The number of labeled pixels of each class away from borders, [K].
      confidence: For each class, the sum over these pixels of the predicted probability
        of the class, [K].
      predicted: The number of labeled pixels that are predicted as each class, [K].
      agreed: The number of labeled pixels away from borders whose predicted class is
        the class in the mask.
      mean_confidence: The mean over all labeled pixels of the probability of the class
        in the mask.
      softmin: The soft minimum of these probabilities, which is close to their smallest
        value.
    """

    regions: list[Region]
    disagreements: list[Disagreement]
    pixels: np.ndarray
    confidence: np.ndarray
    predicted: np.ndarray
    agreed: int
    mean_confidence: float
    softmin: float


def measure(grid: Grid, surprise: np.ndarray) -> Measures:
    """Returns `Measures` of how well the mask of an example agrees with the prediction.

    Args:
      grid: The mask and the calibrated prediction of the example.
      surprise: How unusually low the predicted probability for the class in the mask is
        at each grid point, [h, w], from `Calibration.surprise`.

    References:
      The self-confidence and the normalized margin are those of Northcutt et al.
      (arXiv 1911.00068), the soft minimum is that of Lad and Mueller (arXiv
      2307.05080).
    """
    classes, scale = grid.probabilities.shape[-1], grid.stride**2
    inside = grid.valid & (depth(grid.regions[0]) >= grid.border)
    own = grid.confidence[grid.valid].astype(np.float64)
    weight = np.exp((1 - own) / TEMPERATURE)
    return Measures(
        regions=regions(grid),
        disagreements=disagreements(grid, surprise),
        pixels=scale * np.bincount(grid.given[inside], minlength=classes),
        confidence=scale
        * np.bincount(
            grid.given[inside], weights=grid.confidence[inside], minlength=classes
        ),
        predicted=scale * np.bincount(grid.predicted[grid.valid], minlength=classes),
        agreed=scale * int((grid.predicted == grid.given)[inside].sum()),
        mean_confidence=float(own.mean()) if own.size else 1.0,
        softmin=float((weight * own).sum() / weight.sum()) if own.size else 1.0,
    )


def regions(grid: Grid) -> list[Region]:
    """Describes each connected region of a mask, except regions of a few grid points.

    Args:
      grid: The mask and the calibrated prediction of an example.

    Returns:
      A list with a `Region` for each region: its class, its area, its box, and how well
      the prediction agrees with it.
    """
    numbers, count = grid.regions
    if not count:
        return []
    index, ratios = np.arange(1, count + 1), log_ratios(grid)
    weight = np.clip(depth(numbers) / grid.border, 0, 1) + 0.02
    total = ndimage.sum_labels(weight, numbers, index)
    confidence = ndimage.sum_labels(grid.confidence * weight, numbers, index) / total
    margin = ndimage.sum_labels(grid.margin * weight, numbers, index) / total
    area = np.bincount(numbers.ravel(), minlength=count + 1)[1:]
    found = []
    for number, slices in enumerate(ndimage.find_objects(numbers)):
        if area[number] < SMALLEST:
            continue
        inside = numbers[slices] == number + 1
        found.append(
            Region(
                given=int(grid.given[slices][inside][0]),
                area=int(area[number]) * grid.stride**2,
                box=box_of(slices, grid.stride),
                confidence=float(confidence[number]),
                margin=float(margin[number]),
                displacement=displacement(grid, ratios, number + 1, slices),
            )
        )
    return found
