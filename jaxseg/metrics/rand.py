"""Computes the Rand score of two segmentations, restricted to the true foreground.

This is the measure V_rand of the ISBI 2012 membrane challenge: Arganda-Carreras et al.,
"Crowdsourcing the creation of image segmentation algorithms for connectomics",
Frontiers in Neuroanatomy 9:142 (2015), equations for split, merge and their F-score.

n_ij is the number of pixels that belong to predicted object i and true object j. Only
pixels of the true foreground count, that is, pixels whose true object number is not 0.

    merge = sum n_ij^2 / sum_i s_i^2   with s_i = sum_j n_ij; 1 if no objects are merged
    split = sum n_ij^2 / sum_j t_j^2   with t_j = sum_i n_ij; 1 if no object is split
    score = 2 merge split / (merge + split)

The "Rand error" of the challenge is 1 - score.
Differs: the challenge first thins the true borders. This is not done here. Predicted
background inside the true foreground belongs to no object: each of its pixels counts
as a separate object, as in the SNEMI3D evaluation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import ndimage


class RandScore(NamedTuple):
    """Contains three Rand scores, each from 0 to 1; higher is better.

    Attributes:
      score: The harmonic mean of `merge` and `split`.
      merge: 1 if no predicted object joins several true objects, otherwise less.
      split: 1 if no true object is divided among several predicted objects, otherwise
        less.
    """

    score: float
    merge: float
    split: float


class PairCounts(NamedTuple):
    """Contains the sums of squared pixel counts from which Rand scores are computed.

    To score a volume, the sums of its slices are added. Only pixels of true objects
    count.

    Attributes:
      both: The sum over all pairs of a predicted and a true object.
      predicted: The sum over all predicted objects.
      true: The sum over all true objects.
    """

    both: int
    predicted: int
    true: int


def components(foreground: np.ndarray) -> np.ndarray:
    """Finds and numbers the connected objects in a Boolean map [H, W].

    Objects are 4-connected and numbered from 1. Background is 0.

    >>> components(np.array([[1, 0], [0, 1]], bool)).tolist()
    [[1, 0], [0, 2]]
    """
    return ndimage.label(foreground)[0]


def pair_counts(prediction: np.ndarray, truth: np.ndarray) -> PairCounts:
    """Computes the sums of squared pixel counts from which Rand scores are computed.

    Args:
      prediction: The number of the predicted object at each pixel, integers [H, W]. 0
        is the background.
      truth: The number of the true object at each pixel, integers [H, W]. 0 is the
        background.

    Returns:
      The sums of n_ij^2, s_i^2 and t_j^2 in the formulas of this module.

    Raises:
      ValueError: If shapes or types are wrong, or the truth has no foreground.
    """
    prediction, truth = np.asarray(prediction), np.asarray(truth)
    if prediction.shape != truth.shape:
        raise ValueError(
            f"prediction.shape={prediction.shape} is invalid: expected {truth.shape}, "
            "which is truth.shape."
        )
    for name, objects in (("prediction", prediction), ("truth", truth)):
        if not np.issubdtype(objects.dtype, np.integer) or (objects < 0).any():
            raise ValueError(
                f"{name} with dtype={objects.dtype} is invalid: expected integers of 0 "
                "or more."
            )
    inside = truth > 0
    if not inside.any():
        raise ValueError(
            "truth is invalid: expected at least one object, but all pixels are "
            "background."
        )
    mine, theirs = prediction[inside].astype(np.int64), truth[inside].astype(np.int64)
    _, found = np.unique(mine, return_inverse=True)
    columns = theirs.max() + 1
    covered = mine > 0
    alone = int((~covered).sum())  # objects of one pixel: each adds 1 squared
    cells = np.bincount(found[covered] * columns + theirs[covered])
    sizes = np.bincount(found[covered])
    return PairCounts(
        _squares(cells) + alone, _squares(sizes) + alone, _squares(np.bincount(theirs))
    )


def rand_score(counts: PairCounts | Sequence[PairCounts]) -> RandScore:
    """Computes the Rand scores of one image, or of several images together.

    Args:
      counts: The result of `pair_counts` for one image, or a sequence of the results
        for several images, which are added before the scores are computed.
    """
    several = [counts] if isinstance(counts, PairCounts) else list(counts)
    if not several:
        raise ValueError("counts=[] is invalid: expected at least one image.")
    both, predicted, true = (sum(column) for column in zip(*several, strict=True))
    merge, split = both / predicted, both / true
    return RandScore(2 * merge * split / (merge + split), merge, split)


def _squares(counts: np.ndarray) -> int:
    return int((counts.astype(np.int64) ** 2).sum())
