"""Scores small, medium and large objects separately.

An object is a 4-connected component of the pixels with one label. As in COCO (T.-Y. Lin
et al., arXiv 1405.0312, and its evaluation), an object is small if it has fewer than
32^2 pixels, medium if it has fewer than 96^2, and otherwise large. Void pixels belong
to no object. Predictions are not divided into objects, so there is a recall of objects
but no precision.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage

from jaxseg.metrics.image_means import mean
from jaxseg.metrics.label_pairs import LabelPair

SIZES = ("small", "medium", "large")
LIMITS = (32**2, 96**2)  # In pixels, as in COCO's evaluation.


class ObjectCounts(NamedTuple):
    """Contains the counts of the objects of one image, by class and size.

    Attributes:
      classes: The classes that occur in the image, integers [k].
      counts: Four numbers for each class and size, int64 [k, 3 sizes, 4]: the number of
        objects, the number of objects with more than half of their pixels predicted
        correctly, the pixels of all objects, and the correctly predicted pixels.
    """

    classes: np.ndarray
    counts: np.ndarray


def object_counts(pair: LabelPair) -> ObjectCounts:
    """Counts the objects and their correctly predicted pixels in one image.

    Args:
      pair: The label and the prediction.
    """
    counts = np.zeros((len(pair.classes), len(SIZES), 4), np.int64)
    boxes = ndimage.find_objects(pair.label + 1, max_label=pair.num_classes)
    correct = pair.label == pair.prediction
    for row, k in enumerate(pair.classes.tolist()):
        if boxes[k] is None:
            continue
        mask = pair.label[boxes[k]] == k
        numbers, found = ndimage.label(mask)
        pixels = np.bincount(numbers.ravel(), minlength=found + 1)[1:]
        inside = numbers[correct[boxes[k]]]
        hits = np.bincount(inside.ravel(), minlength=found + 1)[1:]
        size = np.digitize(pixels, LIMITS)
        values = (np.ones_like(pixels), 2 * hits > pixels, pixels, hits)
        for column, value in enumerate(values):
            np.add.at(counts[row, :, column], size, value)
    return ObjectCounts(pair.classes, counts)


def object_size_scores(images: list[ObjectCounts], num_classes: int) -> dict[str, Any]:
    """Computes the recall of small, medium and large objects, over all images together.

    Args:
      images: The counts of the images, as `object_counts` returns them.
      num_classes: The number of classes K.

    Returns:
      A dictionary with four entries for each size. The entries for small objects are:

      - "objects_small": the number of small objects.
      - "found_small": the fraction of small objects with more than half of their pixels
        predicted correctly.
      - "recall_small_per_class": for each class, the fraction of the pixels of its
        small objects that are predicted correctly, float64 [K].
      - "recall_small": the mean of these fractions over the classes that have small
        objects.
    """
    total = np.zeros((num_classes, len(SIZES), 4), np.int64)
    for classes, counts in images:
        total[classes] += counts
    result: dict[str, Any] = {}
    for place, size in enumerate(SIZES):
        objects, found, pixels, hits = total[:, place].T
        recall = np.full(num_classes, np.nan)
        np.divide(hits, pixels, out=recall, where=pixels > 0)
        count = int(objects.sum())
        result |= {
            f"objects_{size}": count,
            f"found_{size}": int(found.sum()) / count if count else float("nan"),
            f"recall_{size}": mean(recall[pixels > 0].tolist()),
            f"recall_{size}_per_class": recall,
        }
    return result
