"""Computes Dice and IoU in every image, and averages them over the images.

The mean IoU of a confusion matrix adds the pixels of all images before it divides, so
that large objects dominate the result. Here, each image has the same weight, as G.
Csurka et al. (BMVC 2013) proposed, and as is usual for Dice in medical imaging.
`jaxseg.metrics.label_pairs` states how void pixels and absent classes count.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from jaxseg.metrics.image_means import image_means
from jaxseg.metrics.label_pairs import LabelPair


class ClassCounts(NamedTuple):
    """Contains the pixel counts of the classes of one image, int64 [k] each.

    Attributes:
      classes: The classes that occur in the label or in the prediction.
      hits: The number of pixels whose label and prediction are both the class.
      label: The number of pixels whose label is the class.
      predicted: The number of pixels whose prediction is the class.
    """

    classes: np.ndarray
    hits: np.ndarray
    label: np.ndarray
    predicted: np.ndarray


def class_counts(pair: LabelPair) -> ClassCounts:
    """Counts the pixels of each class of one image.

    Args:
      pair: The label and the prediction.
    """
    label, prediction = pair.label + 1, pair.prediction + 1  # void is 0
    counts = [
        np.bincount(values.ravel(), minlength=pair.num_classes + 1)[1:][pair.classes]
        for values in (label[label == prediction], label, prediction)
    ]
    return ClassCounts(pair.classes, *counts)


def per_image_scores(images: list[ClassCounts], num_classes: int) -> dict[str, Any]:
    """Averages the Dice coefficient and the IoU of single images.

    Args:
      images: The counts of the images, as `class_counts` returns them.
      num_classes: The number of classes K.

    Returns:
      A dictionary with "image_dice" and "image_iou", which are averaged over the
      classes that occur in an image and then over the images, and
      "image_dice_per_class" and "image_iou_per_class", float64 [K], which are averaged
      over the images in which each class occurs.
    """
    dice = [(c, 2 * h / (t + p)) for c, h, t, p in images]
    iou = [(c, h / (t + p - h)) for c, h, t, p in images]
    return {
        **image_means("image_dice", dice, num_classes),
        **image_means("image_iou", iou, num_classes),
    }
