"""Gaussian mixtures of colors with hard assignment, as GrabCut uses them.

Every color belongs to one component. Fitting maximizes the likelihood of colors and
assignment exactly, over covariances whose eigenvalues are at least `FLOOR`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

FLOOR = 0.1  # least variance, squared levels of 0..255
STEPS = 10  # of k-means


class Mixture(NamedTuple):
    """Components of a mixture.

    Attributes:
      weight: shares, [K]; 0 for a component without colors.
      mean: [K, C].
      precision: inverse covariances, [K, C, C].
      log_det: logarithms of the covariances' determinants, [K].
    """

    weight: np.ndarray
    mean: np.ndarray
    precision: np.ndarray
    log_det: np.ndarray


def k_means(color: np.ndarray, count: int, *, seed: int = 0) -> np.ndarray:
    """Component of each color [N, C], int [N]; starts far apart (k-means++)."""
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
    """Squared distances [N, K] of colors to centers."""
    columns = [np.square(color - one).sum(-1) for one in center]
    return np.stack(columns, 1)


def fit(color: np.ndarray, component: np.ndarray, count: int) -> Mixture:
    """The likeliest mixture for colors [N, C] and their components [N].

    Raises:
      ValueError: without any color.
    """
    if not len(color):
        raise ValueError("color is empty; a mixture needs at least one pixel")
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
    return Mixture(weight, mean, precision, log_det)


def energies(color: np.ndarray, mixture: Mixture) -> np.ndarray:
    """-log(share) - log(density) of each color under each component, [N, K].

    Infinite for components without colors; the constant of the density is left out.
    """
    with np.errstate(divide="ignore"):
        share = -np.log(mixture.weight)
    columns = []
    for k, mean in enumerate(mixture.mean):
        centered = color - mean
        distance = ((centered @ mixture.precision[k]) * centered).sum(-1)
        columns.append(share[k] + 0.5 * (mixture.log_det[k] + distance))
    return np.stack(columns, 1)
