"""Selects classes by thresholds of their probabilities.

If classes exclude each other, a class is selected at a pixel only if its probability is
above its threshold. The label is the most probable class that is selected. If none is,
the label is the most probable class of all. If classes can overlap, every class whose
probability is above its threshold is present.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jaxseg.data.spec import DatasetSpec
from jaxseg.text import near


def thresholds_of(
    named: Sequence[tuple[str, float]], spec: DatasetSpec, *, default: float
) -> np.ndarray:
    """Returns the threshold of every class, float32 [K].

    Args:
      named: Pairs of the name of a class and its threshold.
      spec: The dataset specification, which lists the names of the K classes.
      default: The threshold of all classes that `named` does not contain.

    Raises:
      ValueError: If a class is unknown or is named twice.
    """
    limits = np.full(spec.num_classes, default, np.float32)
    seen = set()
    for name, value in named:
        if name not in spec.classes:
            raise ValueError(
                f"class_thresholds={name!r} is invalid{near(name, spec.classes)}"
            )
        if name in seen:
            raise ValueError(
                f"class_thresholds={name!r} is invalid: expected each class at most "
                "once. Leave out one of its thresholds."
            )
        seen.add(name)
        limits[spec.classes.index(name)] = value
    return limits


def passing(probabilities: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Returns the probabilities, with 0 in place of those that are not selected.

    A class is selected at a pixel if its probability is above its threshold. At a pixel
    where no class is selected, all probabilities remain.

    Args:
      probabilities: Probabilities of classes that exclude each other, [..., K].
      limits: The threshold of each class, [K].
    """
    selected = above(probabilities, limits)
    selected |= ~selected.any(-1, keepdims=True)
    return np.where(selected, probabilities, 0)


def above(probabilities: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Returns whether each probability is above the threshold of its class.

    The result is bool [..., K].

    Args:
      probabilities: The probabilities, [..., K].
      limits: The threshold of each class, [K].
    """
    return probabilities > limits
