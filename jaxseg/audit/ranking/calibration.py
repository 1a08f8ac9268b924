"""Corrects the probabilities of networks that predict some classes too often.

A loss with weights for the classes raises the probabilities of rare classes. One bias
per class, added to the logits, is fitted so that the mean probability of each class
equals its frequency in the masks. This is vector scaling (Guo et al., arXiv 1706.04599)
with biases but without scales. It assumes that few labels are wrong.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from jaxseg.audit.ranking.grid import LEAST, Grid

STEPS = 100
SPACING = 8  # Every eighth grid point in both directions is used.
LOWEST = 1e-5  # the smallest frequency of a class


def samples(grids: Iterable[Grid]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the probabilities [n, K] and classes [n] of a part of the points."""
    part = np.s_[SPACING // 2 :: SPACING, SPACING // 2 :: SPACING]
    probabilities, given = [], []
    for grid in grids:
        valid = grid.valid[part]
        probabilities.append(grid.probabilities[part][valid])
        given.append(grid.given[part][valid])
    return np.concatenate(probabilities), np.concatenate(given)


def fit_bias(probabilities: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Fits the bias of each class.

    Args:
      probabilities: The out-of-fold probabilities of some pixels, [n, K].
      given: The classes of these pixels in the masks, [n].

    Returns:
      The bias of each class, [K], with mean 0.
    """
    classes = probabilities.shape[-1]
    bias = np.zeros(classes)
    if not len(given):
        return bias
    wanted = np.bincount(given, minlength=classes) / len(given)
    for _ in range(STEPS):
        mean = calibrated(probabilities, bias).mean(0, dtype=np.float64)
        bias += 0.5 * (np.log(wanted + LOWEST) - np.log(mean + LOWEST))
        bias -= bias.mean()
    return bias


def calibrated(probabilities: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Adds a bias to the logits.

    Args:
      probabilities: The probabilities, float32 [..., K].
      bias: The bias of each class, [K].

    Returns:
      The corrected probabilities, float32 [..., K].
    """
    scaled = np.maximum(probabilities, LEAST / 10) * np.exp(bias).astype(np.float32)
    return scaled / scaled.sum(-1, keepdims=True)
