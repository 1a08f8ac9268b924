"""Counts the confusion matrices of single images on the host.

An image contains few of the possible pairs of label and prediction, so only the nonzero
elements are kept. All numbers are int64.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse


class ImageCounts(NamedTuple):
    """Contains the nonzero elements of one image's confusion matrix.

    Attributes:
      cells: Their sorted indices in the flattened matrix [K + 1, K], int64 [N].
      counts: The number of pixels in each of these elements, int64 [N].
    """

    cells: np.ndarray
    counts: np.ndarray


def count_image(
    prediction: np.ndarray, label: np.ndarray, num_classes: int, void: int
) -> ImageCounts:
    """Counts the pixels of one image by label (row) and prediction (column).

    Args:
      prediction: Integers of any shape, 0 to K - 1.
      label: Integers of the same shape, 0 to K - 1, or `void`, which is row K.
      num_classes: The number of classes K.
      void: The ignore index.

    Raises:
      ValueError: If a label or a prediction is out of range.
    """
    label, prediction = label.astype(np.int64), prediction.astype(np.int64)
    row = np.where(label == void, num_classes, label)
    legal = (row >= 0) & ((row < num_classes) | (label == void))
    legal &= (prediction >= 0) & (prediction < num_classes)
    if not legal.all():
        raise ValueError(
            f"label or prediction is invalid: expected classes from 0 to "
            f"{num_classes - 1} in both, or the ignore index {void} in the label."
        )
    cells, counts = np.unique(row * num_classes + prediction, return_counts=True)
    return ImageCounts(cells, counts.astype(np.int64))


def matrix_of(images: Iterable[ImageCounts], num_classes: int) -> np.ndarray:
    """Returns the sum of the confusion matrices of images, int64 [K + 1, K].

    Args:
      images: The counts of the images.
      num_classes: The number of classes K.
    """
    total = np.zeros((num_classes + 1) * num_classes, np.int64)
    for one in images:
        total[one.cells] += one.counts
    return total.reshape(num_classes + 1, num_classes)


def stacked(images: Sequence[ImageCounts], num_classes: int) -> sparse.csr_array:
    """Returns a sparse matrix, int64, with one image's confusion matrix in each row.

    The confusion matrices [K + 1, K] are flattened.

    Args:
      images: The counts of the images.
      num_classes: The number of classes K.
    """
    ends = np.cumsum([0, *(len(one.cells) for one in images)])
    counts = np.concatenate([one.counts for one in images])
    cells = np.concatenate([one.cells for one in images])
    shape = (len(images), (num_classes + 1) * num_classes)
    return sparse.csr_array((counts, cells, ends), shape=shape)
