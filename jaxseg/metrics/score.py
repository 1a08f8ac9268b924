"""Computes the scores of a confusion matrix on the host in float64.

n_kj is the number of pixels with label k and prediction j, without the void row.
t_k = sum_j n_kj and p_k = sum_j n_jk. As in arXiv 1411.4038, section 5:

  pixel accuracy = sum n_kk / sum t_k,  mean accuracy = mean of n_kk / t_k,
  IoU_k = n_kk / (t_k + p_k - n_kk),  frequency-weighted IoU = sum t_k IoU_k / sum t_k.

Precision is n_kk / p_k, recall is n_kk / t_k, and F1 is 2 n_kk / (t_k + p_k).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxseg.metrics._confusion import check_counts


def scores(matrix: np.ndarray) -> dict[str, Any]:
    """Computes all scores of a confusion matrix.

    A quotient 0 / 0 is nan. This happens for the IoU and F1 of a class that occurs
    neither in the labels nor in the predictions, for the recall of a class that does
    not occur in the labels, and for the precision of a class that is never predicted.
    Means are over the classes whose value is not nan. Predictions at void pixels do not
    count.

    Args:
      matrix: Integers [K + 1, K], with the void row last.

    Returns:
      The floats `pixel_accuracy`, `mean_accuracy`, `mean_iou`, `fw_iou` and `mean_f1`,
      the float64 arrays [K] `iou`, `precision`, `recall` and `f1`, and the int64 array
      [K] `pixels`, the number of labeled pixels of each class.

    Raises:
      ValueError: If the matrix has another shape, or entries that are not counts.
    """
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] + 1:
        raise ValueError(
            f"matrix.shape={matrix.shape} is invalid: expected [K + 1, K], with the "
            "void row last."
        )
    check_counts(matrix)
    counts = matrix[:-1].astype(np.int64)
    hit, truth, guess = np.diag(counts), counts.sum(1), counts.sum(0)
    iou = _divide(hit, truth + guess - hit)
    recall = _divide(hit, truth)
    f1 = _divide(2 * hit, truth + guess)
    weighted = (truth * iou)[truth > 0].sum()
    return {
        "pixel_accuracy": float(_divide(hit.sum(), truth.sum())),
        "mean_accuracy": _mean(recall),
        "mean_iou": _mean(iou),
        "fw_iou": float(_divide(weighted, truth.sum())),
        "mean_f1": _mean(f1),
        "iou": iou,
        "precision": _divide(hit, guess),
        "recall": recall,
        "f1": f1,
        "pixels": truth,
    }


def to_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Converts scores to numbers and lists that `json.dumps` accepts.

    nan becomes None.
    """
    return {key: _plain(value) for key, value in values.items()}


def _plain(value):
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value.tolist()]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def _divide(above, below):
    """Returns above / below in float64, and nan where below is 0."""
    below = np.asarray(below, np.float64)
    quotient = np.full(below.shape, np.nan)
    return np.divide(above, below, out=quotient, where=below > 0)


def _mean(values):
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else math.nan
