"""Rand score of two segmentations into objects, restricted to the true foreground.

The measure of the ISBI 2012 membrane challenge: Arganda-Carreras et al., "Crowdsourcing
the creation of image segmentation algorithms for connectomics", Frontiers in
Neuroanatomy 9:142 (2015), V_rand, equations for split, merge and their F-score.

With n_ij the pixels in predicted object i and true object j, over the pixels of the
true foreground alone (true label not 0):

    merge = sum n_ij^2 / sum_i s_i^2     s_i = sum_j n_ij   (1 if nothing is merged)
    split = sum n_ij^2 / sum_j t_j^2     t_j = sum_i n_ij   (1 if nothing is split)
    score = 2 merge split / (merge + split)

The challenge's "Rand error" is 1 - score.
Differs: the challenge thins the true borders first, which is not done here. Predicted
background inside the true foreground belongs to no object: each of its pixels counts
as an object of its own, as in the SNEMI3D evaluation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import ndimage


class RandScore(NamedTuple):
    """Foreground-restricted Rand scores in 0..1, higher is better."""

    score: float
    merge: float
    split: float


class PairCounts(NamedTuple):
    """Sums of squares from which the scores are made; those of slices are added."""

    both: int
    predicted: int
    true: int


def components(foreground: np.ndarray) -> np.ndarray:
    """Objects of a bool map [H, W]: 4-connected, numbered from 1; background 0.

    >>> components(np.array([[1, 0], [0, 1]], bool)).tolist()
    [[1, 0], [0, 2]]
    """
    return ndimage.label(foreground)[0]


def pair_counts(prediction: np.ndarray, truth: np.ndarray) -> PairCounts:
    """Sums of squared object sizes of one image.

    Args:
      prediction: object numbers [H, W], integers >= 0; 0 is background.
      truth: the same for the true objects.

    Raises:
      ValueError: on other shapes or types, or a truth without foreground.
    """
    prediction, truth = np.asarray(prediction), np.asarray(truth)
    if prediction.shape != truth.shape:
        raise ValueError(f"prediction is {prediction.shape}, truth {truth.shape}")
    for name, objects in (("prediction", prediction), ("truth", truth)):
        if not np.issubdtype(objects.dtype, np.integer) or (objects < 0).any():
            raise ValueError(f"{name} must hold integers >= 0, has {objects.dtype}")
    inside = truth > 0
    if not inside.any():
        raise ValueError("truth has no foreground; one object at least is needed")
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
    """Scores of one image, or of several: their sums are added, then divided."""
    several = [counts] if isinstance(counts, PairCounts) else list(counts)
    if not several:
        raise ValueError("counts is empty; one image at least is needed")
    both, predicted, true = (sum(column) for column in zip(*several, strict=True))
    merge, split = both / predicted, both / true
    return RandScore(2 * merge * split / (merge + split), merge, split)


def _squares(counts: np.ndarray) -> int:
    return int((counts.astype(np.int64) ** 2).sum())
