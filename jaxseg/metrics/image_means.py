"""Averages the scores of classes in single images over classes and images.

The score of an image is the mean over the classes that have a score in it. The score of
a dataset is the mean over the images with a score, and the score of a class is the mean
over the images in which the class has a score. Sums are exact (`math.fsum`), and the
images are in dataset order, so that the averages depend neither on the batch size nor
on the number of devices.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np


def image_means(
    name: str,
    images: Iterable[tuple[np.ndarray, np.ndarray]],
    num_classes: int,
) -> dict[str, Any]:
    """Averages one score over the classes and images of a dataset.

    Args:
      name: The name of the score.
      images: For each image the classes that occur in it, and their scores. A score of
        nan is left out.
      num_classes: The number of classes K.

    Returns:
      A dictionary with the mean of the score over the images under `name`, and the mean
      for each class, float64 [K], under the name with "_per_class".

    >>> image_means("dice", [([0, 1], [1.0, 0.5]), ([1], [0.25])], 3)["dice"]
    0.5
    """
    of_class: list[list[float]] = [[] for _ in range(num_classes)]
    of_image = []
    for classes, values in images:
        pairs = zip(np.asarray(classes).tolist(), values, strict=True)
        known = [(k, float(value)) for k, value in pairs if not math.isnan(value)]
        for k, value in known:
            of_class[k].append(value)
        of_image.append(mean([value for _, value in known]))
    return {
        name: mean([value for value in of_image if not math.isnan(value)]),
        f"{name}_per_class": np.array([mean(values) for values in of_class]),
    }


def mean(values: Sequence[float]) -> float:
    """Returns the mean of values by an exact sum, or nan if there is no value."""
    return math.fsum(values) / len(values) if values else math.nan
