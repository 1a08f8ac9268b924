"""Fits the bias of each logit, and the distribution of the confidence of each class.

A loss with weights for the classes raises the probabilities of rare classes. One bias
per class, added to the logits, is fitted so that the mean probability of each class
equals its frequency in the masks. This is vector scaling (Guo et al., arXiv 1706.04599)
with biases but without scales. It assumes that few labels are wrong.

Some classes are more difficult than others. Confident learning (Northcutt et al.,
arXiv 1911.00068) therefore compares a probability with a threshold for its class. This
module uses the whole distribution instead of a threshold: the surprise of a pixel is
the negative logarithm of the fraction of the pixels of its class that are less
confident.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from jaxseg.audit.ranking.grid import LEAST, Grid

STEPS = 100  # The bound of a fixed-point iteration; more steps cost time only.
SPACING = 5  # Every fifth grid point in both directions is used.
LOWEST = 1e-5  # the smallest frequency of a class


@dataclasses.dataclass(frozen=True, eq=False)
class Calibration:
    """Contains the logit bias and the distribution of the confidence for each class.

    The confidence of a pixel is the predicted probability of its class in the mask.

    Attributes:
      bias: The number that is added to the logit of each class, [K].
      confidences: For each class the sorted calibrated probabilities of the class at
        pixels that the masks assign to it.
    """

    bias: np.ndarray
    confidences: tuple[np.ndarray, ...]

    def apply(self, grid: Grid) -> Grid:
        """Returns the `Grid` of an example with calibrated probabilities.

        The bias of each class is added to its logit, that is, to the logarithm of its
        predicted probability.

        Args:
          grid: The mask and the prediction of the example on a coarse grid of pixels.
        """
        changed = calibrated(grid.probabilities, self.bias)
        return dataclasses.replace(grid, probabilities=changed)

    def surprise(self, grid: Grid) -> np.ndarray:
        """Returns how unusually low the confidence at each grid point is, [h, w].

        The confidence is the predicted probability for the class in the mask. The
        result, called surprise, is -log of the fraction of the points of that class
        whose confidence is lower. A larger value is more suspicious. At void it is 0.

        Args:
          grid: The mask and the calibrated prediction of an example.
        """
        found = np.zeros(grid.given.shape)
        for label in np.unique(grid.given):
            usual, here = self.confidences[label], grid.given == label
            below = np.searchsorted(usual, grid.confidence[here])
            found[here] = -np.log((below + 0.5) / (len(usual) + 0.5))
        return found * grid.valid


def fit_calibration(grids: Iterable[Grid]) -> Calibration:
    """Fits the logit bias and the distribution of the confidence for each class.

    The confidence of a pixel is the predicted probability of its class in the mask.

    Args:
      grids: The masks of some examples, and predictions by networks that were not
        trained on these examples.

    Returns:
      A `Calibration`: the bias of each class, and the sorted confidences of its pixels.
    """
    part = np.s_[SPACING // 2 :: SPACING, SPACING // 2 :: SPACING]
    kept, labels = [], []
    for grid in grids:
        valid = grid.valid[part]
        kept.append(grid.probabilities[part][valid])
        labels.append(grid.given[part][valid])
    probabilities, given = np.concatenate(kept), np.concatenate(labels)
    bias = fit_bias(probabilities, given)
    own = calibrated(probabilities, bias)[np.arange(len(given)), given]
    return Calibration(
        bias, tuple(np.sort(own[given == label]) for label in range(len(bias)))
    )


def fit_bias(probabilities: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Fits a logit bias for each class.

    With the biases, the mean probability of each class equals its frequency in the
    masks.

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
    """Returns class probabilities after a bias is added to the logit of each class.

    Args:
      probabilities: The probabilities, float32 [..., K].
      bias: The bias of each class, [K].

    Returns:
      The corrected probabilities, float32 [..., K].
    """
    scaled = np.maximum(probabilities, LEAST) * np.exp(bias).astype(np.float32)
    return scaled / scaled.sum(-1, keepdims=True)
