"""Computes the Boundary IoU of each class.

B. Cheng et al., "Boundary IoU: improving object-centric image segmentation evaluation",
arXiv 2103.16562. A pixel of a mask belongs to the inner boundary of the mask if a pixel
outside of the mask, or outside of the image, is at most d rows and d columns away. d is
0.02 of the diagonal of the image, rounded, and at least 1. The Boundary IoU is the IoU
of the inner boundaries of the true and of the predicted mask.

The authors apply it to single objects. Here, a mask contains all pixels of a class. The
pixel counts of all images are added before the IoU is computed, as for the mean IoU.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from jaxseg.metrics.label_pairs import OUTSIDE, LabelPair

RATIO = 0.02  # As in the authors' code. A larger one approaches the plain IoU.


class InnerCounts(NamedTuple):
    """Contains pixel counts for one image.

    The inner boundary of a class consists of its pixels near its border.

    Attributes:
      classes: The classes that occur in the image, integers [k].
      both: The number of pixels in both the inner boundary of the label and that of
        the prediction, int64 [k].
      either: The number of pixels in at least one of these boundaries, int64 [k].
    """

    classes: np.ndarray
    both: np.ndarray
    either: np.ndarray


def inner_boundary_counts(pair: LabelPair, *, ratio: float = RATIO) -> InnerCounts:
    """Counts the pixels in the inner boundaries of each class of one image.

    Args:
      pair: The label and the prediction.
      ratio: The width of the inner boundary, as a fraction of the image diagonal.

    Raises:
      ValueError: If the ratio is not positive.
    """
    if not ratio > 0:
        raise ValueError(f"ratio={ratio} is invalid: expected a number above 0.")
    reach = max(1, round(ratio * math.hypot(*pair.label.shape)))
    label, prediction = (
        np.where(inner_boundary(classes, reach), classes, -1)[classes >= 0]
        for classes in (pair.label, pair.prediction)
    )
    size = pair.num_classes + 1
    both = np.bincount(label[label == prediction] + 1, minlength=size)
    one, other = (np.bincount(x + 1, minlength=size) for x in (label, prediction))
    counts = np.stack([both, one + other - both])[:, 1:]
    return InnerCounts(pair.classes, *counts[:, pair.classes])


def inner_boundary(classes: np.ndarray, reach: int) -> np.ndarray:
    """Returns which pixels are near another class or the image border, bool [H, W].

    Args:
      classes: The class of each pixel, integers [H, W].
      reach: The largest difference of rows, and of columns, that counts as near.
    """
    around = np.pad(classes, 1, constant_values=OUTSIDE)
    options = {"size": 2 * reach + 1, "mode": "nearest"}
    lowest = highest = around
    for axis in (0, 1):
        lowest = ndimage.minimum_filter1d(lowest, axis=axis, **options)
        highest = ndimage.maximum_filter1d(highest, axis=axis, **options)
    return (lowest != highest)[1:-1, 1:-1]


def boundary_iou_scores(images: list[InnerCounts], num_classes: int) -> dict:
    """Computes the Boundary IoU of each class, and its mean over the classes.

    Args:
      images: The counts of the images, as `inner_boundary_counts` returns them.
      num_classes: The number of classes K.

    Returns:
      A dictionary with "boundary_iou", the mean over the classes that occur, and
      "boundary_iou_per_class", float64 [K].
    """
    both, either = np.zeros((2, num_classes), np.int64)
    for image in images:
        both[image.classes] += image.both
        either[image.classes] += image.either
    iou = np.full(num_classes, np.nan)
    np.divide(both, either, out=iou, where=either > 0)
    known = iou[either > 0]
    mean = float(known.mean()) if known.size else math.nan
    return {"boundary_iou": mean, "boundary_iou_per_class": iou}
