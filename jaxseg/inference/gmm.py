"""Fits Gaussian mixtures to colors that are assigned to components, as in GrabCut.

For given assignments, the fit maximizes the joint likelihood of colors and assignments
exactly, over all covariances with eigenvalues >= `FLOOR`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

FLOOR = 0.1  # The smallest variance, in squared levels of 0..255.
STEPS = 10  # The number of iterations of k-means.


class Mixture(NamedTuple):
    """Contains the components of a Gaussian mixture.

    Attributes:
      weight: The fraction of the colors that are assigned to each component, [K].
      mean: The mean colors, [K, C].
      precision: The inverse covariances, [K, C, C].
      log_det: The logarithms of the determinants of the covariances, [K].
    """

    weight: np.ndarray
    mean: np.ndarray
    precision: np.ndarray
    log_det: np.ndarray


def k_means(color: np.ndarray, count: int, *, seed: int = 0) -> np.ndarray:
    """Assigns each color to a component by k-means, initialized by k-means++.

    Args:
      color: The colors, [N, C].
      count: The number of components.
      seed: The seed of the initialization.

    Returns:
      The index of the component of each color, int [N].
    """
    rng = np.random.default_rng(seed)
    center = color[rng.integers(len(color))][None]
    while len(center) < count:
        gap = _squared(color, center).min(1)
        total = gap.sum()
        chance = gap / total if total > 0 else None
        center = np.concatenate([center, color[rng.choice(len(color), 1, p=chance)]])
    for _ in range(STEPS):
        nearest = _squared(color, center).argmin(1)
        for k in range(count):
            if (nearest == k).any():
                center[k] = color[nearest == k].mean(0)
    return _squared(color, center).argmin(1)


def _squared(color, center):
    """Returns the squared distances of colors to centers, [N, K]."""
    columns = [np.square(color - one).sum(-1) for one in center]
    return np.stack(columns, 1)


def fit(color: np.ndarray, component: np.ndarray, count: int) -> Mixture:
    """Fits a mixture by maximum likelihood to colors with given components.

    Args:
      color: The colors, [N, C].
      component: The index of the component of each color, int [N].
      count: The number of components.

    Raises:
      ValueError: If there is no color.
    """
    if not len(color):
        raise ValueError(
            f"color.shape={color.shape} is invalid: expected at least one color."
        )
    channels = color.shape[1]
    weight, mean = np.zeros(count), np.zeros((count, channels))
    precision, log_det = np.tile(np.eye(channels), (count, 1, 1)), np.zeros(count)
    for k in range(count):
        own = color[component == k]
        if not len(own):
            continue
        weight[k], mean[k] = len(own) / len(color), own.mean(0)
        centered = own - mean[k]
        value, vector = np.linalg.eigh(centered.T @ centered / len(own))
        value = np.maximum(value, FLOOR)
        precision[k] = (vector / value) @ vector.T
        log_det[k] = np.log(value).sum()
    return Mixture(weight, mean=mean, precision=precision, log_det=log_det)


def energies(color: np.ndarray, mixture: Mixture) -> np.ndarray:
    """Returns -log(weight * density) of each color in each component, [N, K].

    The constant factor of the density is omitted. The energy in components without
    colors is infinite.

    Args:
      color: The colors, [N, C].
      mixture: The mixture.
    """
    with np.errstate(divide="ignore"):
        share = -np.log(mixture.weight)
    columns = []
    for k, mean in enumerate(mixture.mean):
        centered = color - mean
        distance = ((centered @ mixture.precision[k]) * centered).sum(-1)
        columns.append(share[k] + 0.5 * (mixture.log_det[k] + distance))
    return np.stack(columns, 1)
