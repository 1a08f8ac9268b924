"""Finds the connected regions in which prediction and mask disagree."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import ndimage

from jaxseg.audit.ranking.grid import Grid, depth, numbered

SMALLEST = 15  # Smaller disagreements, in grid points, are not recorded.
Box = tuple[int, int, int, int]


@dataclasses.dataclass(frozen=True)
class Disagreement:
    """Describes a connected region in which the mask and the prediction differ.

    All its pixels have the same class in the mask, and the same predicted class.

    Attributes:
      given: The class in the mask.
      predicted: The class that the networks predict.
      area: The number of pixels.
      mass: How large and how confident the disagreement is: log(probability of
        `predicted` / probability of `given`) times the surprise, summed over the grid
        points. The surprise says how unusually low the probability of `given` is.
        Points at the border of the region count less.
      given_share: The area as a fraction of the connected region of the mask that
        contains it.
      predicted_share: The area as a fraction of the connected region of the prediction
        that contains it.
      box: The first row and column, and the row and column after the last, in pixels.
    """

    given: int
    predicted: int
    area: int
    mass: float
    given_share: float
    predicted_share: float
    box: Box


def disagreements(grid: Grid, surprise: np.ndarray) -> list[Disagreement]:
    """Finds the regions of an example in which prediction and mask disagree.

    Regions of only a few grid points are left out.

    Args:
      grid: The mask and the calibrated prediction of the example.
      surprise: How unusually low the predicted probability for the class in the mask is
        at each grid point, [h, w], from `Calibration.surprise`.

    Returns:
      A list with a `Disagreement` for each region.
    """
    classes = grid.probabilities.shape[-1]
    differs = grid.valid & (grid.predicted != grid.given)
    numbers, count = numbered(
        np.where(differs, grid.given * classes + grid.predicted, -1)
    )
    if not count:
        return []
    index = np.arange(1, count + 1)
    weight = np.clip(depth(numbers) / (grid.border / 2), 0, 1) + 0.05
    evidence = grid.log_ratio * surprise * weight
    mass = ndimage.sum_labels(evidence, numbers, index)
    area = np.bincount(numbers.ravel(), minlength=count + 1)[1:]
    given, given_count = grid.regions
    predicted, predicted_count = numbered(grid.predicted)
    given_area = np.bincount(given.ravel(), minlength=given_count + 1)
    predicted_area = np.bincount(predicted.ravel(), minlength=predicted_count + 1)
    found = []
    for number, slices in enumerate(ndimage.find_objects(numbers)):
        if area[number] < SMALLEST:
            continue
        row, column = np.argwhere(numbers[slices] == number + 1)[0]
        point = (slices[0].start + row, slices[1].start + column)
        found.append(
            Disagreement(
                given=int(grid.given[point]),
                predicted=int(grid.predicted[point]),
                area=int(area[number]) * grid.stride**2,
                mass=float(mass[number]),
                given_share=float(area[number] / given_area[given[point]]),
                predicted_share=float(area[number] / predicted_area[predicted[point]]),
                box=box_of(slices, grid.stride),
            )
        )
    return found


def box_of(slices: tuple[slice, slice], stride: int) -> Box:
    """Converts a box from points of a coarse grid to pixels of the image.

    Args:
      slices: The rows and the columns of the grid.
      stride: The distance between neighboring grid points in pixels.

    Returns:
      Four numbers in pixels: the first row and column, and the row and column after the
      last ones.
    """
    rows, columns = slices
    return (
        rows.start * stride,
        columns.start * stride,
        rows.stop * stride,
        columns.stop * stride,
    )
