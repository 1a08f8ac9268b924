"""Scores of a confusion matrix; host code in float64.

With n_kj pixels of label k predicted as j (void row left out), t_k = sum_j n_kj and
p_k = sum_j n_jk: pixel accuracy sum n_kk / sum t_k, mean accuracy, IoU_k = n_kk /
(t_k + p_k - n_kk), frequency-weighted IoU, as in arXiv 1411.4038, section 5; precision
n_kk / p_k, recall n_kk / t_k, F1 = 2 n_kk / (t_k + p_k).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from jaxseg.metrics._confusion import check_counts


def scores(matrix: np.ndarray) -> dict[str, Any]:
    """All scores of an integer confusion matrix [K + 1, K], void in the last row.

    Returns floats `pixel_accuracy`, `mean_accuracy`, `mean_iou`, `fw_iou`, `mean_f1`,
    and float64 [K] arrays `iou`, `precision`, `recall`, `f1`; int64 [K] `pixels`, the
    labeled pixels per class. A quotient 0 / 0 is nan: IoU and F1 of a class absent
    from labels and predictions, recall of one absent from the labels. Means leave nan
    out. Predictions on void pixels count nowhere.
    """
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] + 1:
        raise ValueError(
            f"matrix has shape {matrix.shape}; allowed is [K + 1, K], void row last"
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


def to_json(values: dict[str, Any]) -> dict[str, Any]:
    """The scores as plain numbers and lists for `json.dumps`; nan becomes None."""
    return {key: _plain(value) for key, value in values.items()}


def _plain(value):
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value.tolist()]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def _divide(above, below):
    """above / below in float64, nan where below is 0."""
    below = np.asarray(below, np.float64)
    quotient = np.full(below.shape, np.nan)
    return np.divide(above, below, out=quotient, where=below > 0)


def _mean(values):
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else math.nan
