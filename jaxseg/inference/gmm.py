"""Gaussian mixtures of colours with hard assignment, as GrabCut uses them.

Every colour belongs to one component. Fitting maximises the likelihood of colours and
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
      weight: shares, [K]; 0 for a component without colours.
      mean: [K, C].
      precision: inverse covariances, [K, C, C].
      log_det: logarithms of the covariances' determinants, [K].
    """

    weight: np.ndarray
    mean: np.ndarray
    precision: np.ndarray
    log_det: np.ndarray


def k_means(colour: np.ndarray, count: int, *, seed: int = 0) -> np.ndarray:
    """Component of each colour [N, C], int [N]; starts far apart (k-means++)."""
    rng = np.random.default_rng(seed)
    centre = colour[rng.integers(len(colour))][None]
    while len(centre) < count:
        gap = _squared(colour, centre).min(1)
        total = gap.sum()
        chance = gap / total if total > 0 else None
        centre = np.concatenate([centre, colour[rng.choice(len(colour), 1, p=chance)]])
    for _ in range(STEPS):
        nearest = _squared(colour, centre).argmin(1)
        for k in range(count):
            if (nearest == k).any():
                centre[k] = colour[nearest == k].mean(0)
    return _squared(colour, centre).argmin(1)


def _squared(colour, centre):
    """Squared distances [N, K] of colours to centres."""
    columns = [np.square(colour - one).sum(-1) for one in centre]
    return np.stack(columns, 1)


def fit(colour: np.ndarray, component: np.ndarray, count: int) -> Mixture:
    """The likeliest mixture for colours [N, C] and their components [N].

    Raises:
      ValueError: without any colour.
    """
    if not len(colour):
        raise ValueError("colour is empty; a mixture needs at least one pixel")
    channels = colour.shape[1]
    weight, mean = np.zeros(count), np.zeros((count, channels))
    precision, log_det = np.tile(np.eye(channels), (count, 1, 1)), np.zeros(count)
    for k in range(count):
        own = colour[component == k]
        if not len(own):
            continue
        weight[k], mean[k] = len(own) / len(colour), own.mean(0)
        centred = own - mean[k]
        value, vector = np.linalg.eigh(centred.T @ centred / len(own))
        value = np.maximum(value, FLOOR)
        precision[k] = (vector / value) @ vector.T
        log_det[k] = np.log(value).sum()
    return Mixture(weight, mean, precision, log_det)


def energies(colour: np.ndarray, mixture: Mixture) -> np.ndarray:
    """-log(share) - log(density) of each colour under each component, [N, K].

    Infinite for components without colours; the constant of the density is left out.
    """
    with np.errstate(divide="ignore"):
        share = -np.log(mixture.weight)
    columns = []
    for k, mean in enumerate(mixture.mean):
        centred = colour - mean
        distance = ((centred @ mixture.precision[k]) * centred).sum(-1)
        columns.append(share[k] + 0.5 * (mixture.log_det[k] + distance))
    return np.stack(columns, 1)
