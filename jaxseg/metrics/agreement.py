"""Computes Cohen's kappa and specificity from a confusion matrix.

Cohen's kappa is (p_o - p_e) / (1 - p_e). p_o is the pixel accuracy. p_e is the accuracy
that is expected by chance, sum t_k p_k / n^2. Here n is the number of labeled pixels,
of which t_k have the label k and p_k the prediction k. The specificity of a class is
the fraction of the pixels with other labels at which the class is not predicted.

References:
  J. Cohen, "A coefficient of agreement for nominal scales", Educational and
  Psychological Measurement 20 (1960).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from jaxseg.metrics._confusion import check_counts
from jaxseg.metrics.image_means import mean


def agreement_scores(matrix: np.ndarray) -> dict[str, Any]:
    """Computes Cohen's kappa and the specificity of each class.

    Args:
      matrix: Integers [K + 1, K]; rows are labels with the void row last, columns are
        predictions.

    Returns:
      A dictionary with "cohen_kappa"; "specificity_per_class", float64 [K], which is
      nan for a class that does not occur and for a class that all labeled pixels have;
      and "specificity", the mean of its values that are not nan.

    Raises:
      ValueError: If the matrix contains numbers that cannot be pixel counts.

    >>> agreement_scores(np.array([[3, 1], [1, 3], [0, 9]]))["cohen_kappa"]
    0.5
    """
    check_counts(matrix)
    counts = np.asarray(matrix)[:-1].astype(np.int64)
    label, predicted = counts.sum(1), counts.sum(0)
    count = int(counts.sum())
    # Python's integers do not overflow at the squares of pixel counts.
    chance = sum(a * b for a, b in zip(label.tolist(), predicted.tolist(), strict=True))
    rest = count * count - chance
    kappa = (int(np.trace(counts)) * count - chance) / rest if rest else math.nan
    without = count - label
    right = without - (predicted - np.diag(counts))
    specificity = np.full(len(label), np.nan)
    occurs = (label + predicted > 0) & (without > 0)
    np.divide(right, without, out=specificity, where=occurs)
    return {
        "cohen_kappa": kappa,
        "specificity": mean(specificity[occurs].tolist()),
        "specificity_per_class": specificity,
    }
