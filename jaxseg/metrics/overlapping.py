"""Counts and scores the predictions of classes that can overlap.

For each pixel and class, the network predicts whether the class is present. The counts
of K classes form one confusion matrix of 2 K states. State 2 k means that class k is
absent, and state 2 k + 1 means that it is present. Labels of one class are compared
only with predictions of the same class, so the matrix consists of K blocks of 2 x 2. It
is summed like every other confusion matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxseg.metrics.score import scores


def states(present: jax.Array) -> jax.Array:
    """Numbers the two states, absent and present, of each class at each pixel.

    Args:
      present: Booleans or 0 and 1, [..., K].

    Returns:
      int32 [..., K]: for class k, 2 k if it is absent and 2 k + 1 if it is present.
    """
    first = 2 * np.arange(present.shape[-1], dtype=np.int32)
    return present.astype(jnp.int32) + first.reshape((1,) * (present.ndim - 1) + (-1,))


def state_names(classes: Sequence[str]) -> tuple[str, ...]:
    """Returns the names of the states "absent" and "present" of each class.

    They label the rows of the confusion matrix of classes that can overlap.

    >>> state_names(("cell",))
    ('no cell', 'cell')
    """
    return tuple(name for one in classes for name in (f"no {one}", one))


def overlapping_scores(matrix: np.ndarray) -> dict[str, Any]:
    """Computes the scores of classes that can overlap.

    Args:
      matrix: The confusion matrix of the states "absent" and "present" of the classes,
        integers [2 K + 1, 2 K].

    Returns:
      A dictionary with the scores of `jaxseg.metrics.scores`. Each array [K] scores the
      presence of the classes, and each mean is over these values. `pixel_accuracy` is
      the fraction of correct decisions over all pixels and classes. The dictionary also
      contains the means `mean_precision` and `mean_recall`.

    Raises:
      ValueError: If the matrix has another shape, or entries that are not counts.
    """
    every = scores(matrix)
    found = {
        name: every[name][1::2]
        for name in ("iou", "precision", "recall", "f1", "pixels")
    }
    weight, iou = found["pixels"], found["iou"]
    chosen = weight > 0
    weighted = np.nan
    if chosen.any():
        weighted = (weight * iou)[chosen].sum() / weight.sum()
    return {
        "pixel_accuracy": every["pixel_accuracy"],
        "mean_accuracy": _mean(found["recall"]),
        "mean_iou": _mean(iou),
        "fw_iou": float(weighted),
        "mean_f1": _mean(found["f1"]),
        "mean_precision": _mean(found["precision"]),
        "mean_recall": _mean(found["recall"]),
        **found,
    }


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")
