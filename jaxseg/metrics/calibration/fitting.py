"""Fits the scaling of logits that makes the labels most likely (arXiv 1706.04599)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.special import expit, logsumexp

from jaxseg.ops.logit_scaling import LogitScaling

Method = Literal["temperature", "vector"]
STEPS = 500  # Only a bound: the tolerances should end the fit earlier.


def fit_scaling(
    logits: np.ndarray, label: np.ndarray, method: Method = "temperature"
) -> LogitScaling:
    """Returns the scaling of logits that makes the labels most likely.

    The method L-BFGS fits it in float64 on the host. It starts without any scaling, so
    equal data give an equal result.

    Args:
      logits: The logits at labeled pixels, [N, K], or [N, 1] for a binary task.
      label: The classes, integers [N], for a softmax; 0 and 1, [N, K], for sigmoids.
      method: "temperature" fits one factor 1 / T > 0 for all logits, which changes no
        predicted class. "vector" fits a factor and an offset for each logit, which can
        change the predicted classes.

    Returns:
      The fitted factors and offsets; each logit z becomes factor * z + offset.

    Raises:
      ValueError: If there is no pixel, or the method is unknown.
    """
    from scipy.optimize import minimize

    if method not in ("temperature", "vector"):
        raise ValueError(
            f"method={method!r} is invalid: expected 'temperature' or 'vector'."
        )
    if not len(logits):
        raise ValueError("logits=[] is invalid: expected at least one labeled pixel.")
    z, classes = logits.astype(np.float64), logits.shape[-1]

    def scaling(values):
        if method == "temperature":
            return np.exp(values[:1]), np.zeros(1)
        return values[:classes], values[classes:]

    def objective(values):
        weight, bias = scaling(values)
        loss, slope = log_loss(weight * z + bias, label)
        if method == "temperature":
            return loss, np.array([(slope * z).sum() * weight[0]])
        return loss, np.concatenate([(slope * z).sum(0), slope.sum(0)])

    start = np.zeros(1)
    if method == "vector":
        start = np.concatenate([np.ones(classes), np.zeros(classes)])
    options = {"maxiter": STEPS, "ftol": 1e-12, "gtol": 1e-8}
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
    weight, bias = scaling(found.x)
    return LogitScaling(tuple(weight.tolist()), tuple(bias.tolist()))


def log_loss(logits: np.ndarray, label: np.ndarray) -> tuple[float, np.ndarray]:
    """Returns the mean of -log p, and its gradient with respect to the logits.

    p is the predicted probability of the label. The gradient has the shape of `logits`.

    Args:
      logits: The logits, float64 [N, K].
      label: The classes [N] of a softmax, or 0 and 1, [N, K], of sigmoids.
    """
    if label.ndim == 2:
        signed = np.where(label > 0, -logits, logits)
        slope = (expit(logits) - label) / logits.size
        return float(np.logaddexp(0, signed).mean()), slope
    rows = np.arange(len(label))
    total = logsumexp(logits, axis=-1)
    slope = np.exp(logits - total[:, None])
    slope[rows, label] -= 1
    return float((total - logits[rows, label]).mean()), slope / len(label)
