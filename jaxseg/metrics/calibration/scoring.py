"""Computes calibration errors, the Brier score and the log loss from counts."""

from __future__ import annotations

import dataclasses

import numpy as np

from jaxseg.metrics.calibration.counting import CalibrationCounts


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Contains scores of predicted probabilities; 0 is the best value of each score.

    Attributes:
      predictions: The number of predictions: one for each pixel, or one for each pixel
        and class if classes can overlap.
      expected_error: The expected calibration error (ECE, arXiv 1706.04599): the mean
        of |accuracy - confidence| over the bins, weighted by their predictions.
      largest_error: The largest |accuracy - confidence| of all bins.
      classwise_error: The mean over the classes of the expected calibration error of
        their probabilities (arXiv 1904.01685, 1910.12656).
      adaptive_error: The expected calibration error with bins that contain equally many
        predictions (arXiv 1904.01685).
      class_errors: The expected calibration error of the probability of each class,
        [K].
      brier: The Brier score: the mean over the pixels of the squared differences, which
        are summed over the classes. It is from 0 to 2. If classes can overlap, it is
        the mean over pixels and classes, from 0 to 1.
      log_loss: The mean of -log p in nats, also called the negative log-likelihood.
      bins: The number of predictions, their accuracy and their mean confidence in each
        bin, float64 [n, 3]. Accuracy and confidence are NaN in a bin without
        predictions.
    """

    predictions: int
    expected_error: float
    largest_error: float
    classwise_error: float
    adaptive_error: float
    class_errors: np.ndarray
    brier: float
    log_loss: float
    bins: np.ndarray


def calibration(counts: CalibrationCounts) -> Calibration:
    """Computes all calibration scores from the counts of all images.

    Args:
      counts: The counts. All scores are NaN if there is no prediction.
    """
    errors = np.array([expected_error(one) for one in counts.classes])
    number = counts.predictions or np.nan
    adaptive = equal_mass(counts.levels, len(counts.bins))
    return Calibration(
        predictions=counts.predictions,
        expected_error=expected_error(counts.bins),
        largest_error=float(np.nanmax(np.append(gaps(counts.bins), 0))),
        classwise_error=float(errors.mean()),
        adaptive_error=expected_error(adaptive),
        class_errors=errors,
        brier=counts.squared_error / number,
        log_loss=counts.log_loss / number,
        bins=means(counts.bins),
    )


def means(bins: np.ndarray) -> np.ndarray:
    """Returns the size, the accuracy and the mean confidence of each bin.

    Args:
      bins: For each bin the number of predictions, the number of right predictions and
        the sum of the confidences, [n, 3].

    Returns:
      The number of predictions, the accuracy and the mean confidence, [n, 3].
    """
    number = bins[:, :1]
    shares = bins[:, 1:] / np.where(number > 0, number, np.nan)
    return np.concatenate([number, shares], axis=1)


def gaps(bins: np.ndarray) -> np.ndarray:
    """Returns |accuracy - confidence| of each bin, [n], NaN without predictions.

    Args:
      bins: For each bin the number of predictions, the number of right predictions and
        the sum of the confidences, [n, 3].
    """
    _, accuracy, confidence = means(bins).T
    return np.abs(accuracy - confidence)


def expected_error(bins: np.ndarray) -> float:
    """Returns the expected calibration error (arXiv 1706.04599).

    It is the mean of |accuracy - confidence| over the bins, weighted by predictions.

    Args:
      bins: For each bin the number of predictions, the number of right predictions and
        the sum of the confidences, [n, 3].
    """
    number = bins[:, 0].sum()
    if not number:
        return float("nan")
    return float(np.abs(bins[:, 1] - bins[:, 2]).sum() / number)


def equal_mass(levels: np.ndarray, bins: int) -> np.ndarray:
    """Joins narrow bins of confidence into n bins with equally many predictions.

    If a border between two of the n bins lies within a narrow bin, the three sums of
    the narrow bin are divided in proportion.

    Args:
      levels: For each narrow bin, in the order of the confidence, the number of
        predictions, the number of right predictions and the sum of the confidences,
        [L, 3].
      bins: The number of bins n.

    Returns:
      The same three sums for each joined bin, [n, 3]; they need not be whole numbers.
    """
    filled = levels[levels[:, 0] > 0]
    running = np.concatenate([np.zeros((1, 3)), np.cumsum(filled, axis=0)])
    borders = running[-1, 0] * np.arange(bins + 1) / bins
    ends = [np.interp(borders, running[:, 0], column) for column in running.T]
    return np.diff(np.stack(ends, -1), axis=0)
