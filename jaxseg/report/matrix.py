"""Prepares a confusion matrix for the report, with rows that add up to 1."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from jaxseg.metrics import scores

MOST_CLASSES = 64  # A matrix of more classes would make the page too large.
MOST_CONFUSIONS = 12  # A short list: further pairs can be seen in the matrix.


@dataclasses.dataclass(frozen=True)
class MatrixRow:
    """Contains a row of a confusion matrix: how the pixels of one class are predicted.

    Attributes:
      name: The name of the class.
      color: The color of the class.
      iou: The IoU of the class, NaN if it is undefined.
      pixels: The number of pixels with this label.
      shares: For each class, the fraction of these pixels that are predicted as this
        class. None if there are no such pixels.
      counts: For each class, the number of these pixels that are predicted as this
        class.
    """

    name: str
    color: tuple[int, int, int]
    iou: float
    pixels: int
    shares: tuple[float, ...] | None
    counts: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Confusion:
    """Contains how many pixels of one class are predicted as another class.

    Attributes:
      label: The name of the true class.
      predicted: The name of the predicted class.
      pixels: The number of these pixels.
      of_label: This number divided by the number of pixels of the true class.
      of_errors: This number divided by the number of all wrong pixels.
    """

    label: str
    predicted: str
    pixels: int
    of_label: float
    of_errors: float


def matrix_rows(
    matrix: np.ndarray,
    classes: Sequence[str],
    palette: Sequence[tuple[int, int, int]],
) -> list[MatrixRow]:
    """Returns a list of the rows of a confusion matrix, without the row of void pixels.

    If there are more than `MOST_CLASSES` classes, only the `MOST_CLASSES` classes with
    the most labeled pixels have rows and columns.

    Args:
      matrix: The confusion matrix, [K + 1, K]. Its last row counts void pixels.
      classes: The names of the classes.
      palette: The colors of the classes.
    """
    counts, iou = matrix[:-1], scores(matrix)["iou"]
    pixels = counts.sum(1)
    frequent = np.argsort(-pixels, kind="stable")[:MOST_CLASSES]
    kept = np.sort(frequent).tolist()
    return [
        MatrixRow(
            classes[k],
            color=tuple(palette[k]),
            iou=float(iou[k]),
            pixels=int(pixels[k]),
            shares=tuple((counts[k, kept] / pixels[k]).tolist()) if pixels[k] else None,
            counts=tuple(counts[k, kept].tolist()),
        )
        for k in kept
    ]


def largest_confusions(matrix: np.ndarray, classes: Sequence[str]) -> list[Confusion]:
    """Returns a list of the pairs of classes that are confused in the most pixels.

    The largest number of pixels comes first.

    Args:
      matrix: The confusion matrix, [K + 1, K]. Its last row counts void pixels.
      classes: The names of the classes.
    """
    wrong = matrix[:-1].copy()
    labeled = wrong.sum(1)
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_CONFUSIONS]
    pairs = [divmod(int(place), wrong.shape[1]) for place in order]
    return [
        Confusion(
            classes[k],
            classes[j],
            pixels=int(wrong[k, j]),
            of_label=float(wrong[k, j] / labeled[k]),
            of_errors=float(wrong[k, j] / wrong.sum()),
        )
        for k, j in pairs
        if wrong[k, j]
    ]
