"""Effective receptive field: where the gradient of an output lies on the image.

Mean squared gradient of a map's middle over random inputs, the Gaussian it resembles,
and its area beside the theoretical field (Luo et al., NIPS 2016, arXiv 1701.04128). The
support of the gradient is the theoretical field, measured.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from jaxseg.typing import Array

LEVEL = 1 - 0.9545  # of the maximum, where the area ends: two sigma of a normal density


@dataclasses.dataclass(frozen=True)
class Gaussian:
    """Second moments of a map, and how well a Gaussian describes it.

    Attributes:
      center: row, column.
      sigma: along rows and columns, in pixels.
      fit: share of the map's variance that the Gaussian of these moments explains, with
        the best height; 1 for a perfect fit.
    """

    center: tuple[float, float]
    sigma: tuple[float, float]
    fit: float


def gradients(
    fn: Callable[[Array], Array],
    images: Array,
    position: tuple[int, int] | None = None,
) -> np.ndarray:
    """Gradient of one map position with respect to the images, float [n, H, W, C].

    Args:
      fn: [n, H, W, C] -> [n, h, w, K]; the K channels are summed.
      position: row and column of the map; its middle if None.
    """
    return np.asarray(_gradient(fn, position)(images))


def _gradient(fn, position):
    """images -> gradient of one position, compiled once."""

    def unit(images):
        maps = fn(images)
        row, column = position or (maps.shape[1] // 2, maps.shape[2] // 2)
        return maps[:, row, column].astype(jnp.float32).sum()

    return jax.jit(jax.grad(unit))


def effective_field(
    fn: Callable[[Array], Array],
    images: Array,
    position: tuple[int, int] | None = None,
) -> np.ndarray:
    """Mean squared gradient over images and channels, float64 [H, W].

    The images are taken one by one, so that their number does not cost memory.
    """
    gradient = _gradient(fn, position)
    total = sum(
        np.square(np.asarray(gradient(image[None])), dtype=np.float64).mean((0, 3))
        for image in images
    )
    return total / len(images)


def support(
    fn: Callable[[Array], Array],
    images: Array,
    position: tuple[int, int] | None = None,
) -> np.ndarray:
    """Pixels with any gradient at any of the images, bool [H, W].

    Zero gradients hide pixels: use weights that keep activations alive, and several
    images where maxima are pooled.
    """
    return (gradients(fn, images, position) != 0).any((0, 3))


def area(field: np.ndarray, level: float = LEVEL) -> int:
    """Pixels above `level` times the maximum."""
    return int((field > level * field.max()).sum())


def gaussian_fit(field: np.ndarray) -> Gaussian:
    """Center, spread and quality of the Gaussian with the map's moments.

    Raises: ValueError when the map is zero or negative somewhere.
    """
    field = np.asarray(field, np.float64)
    total = field.sum()
    if field.min() < 0 or not total > 0:
        raise ValueError("field must be non-negative and not all zero")
    center, spread = [], []
    for axis in (0, 1):
        share = field.sum(1 - axis) / total
        place = np.arange(share.size)
        mean = share @ place
        center.append(float(mean))
        spread.append(math.sqrt(share @ (place - mean) ** 2))
    model = np.ones(field.shape)
    for axis in (0, 1):
        place = (np.arange(field.shape[axis]) - center[axis]) / max(spread[axis], 1e-9)
        line = np.exp(-(place**2) / 2)
        model *= line[:, None] if axis == 0 else line
    model *= (model * field).sum() / (model**2).sum()
    variance = ((field - field.mean()) ** 2).sum()
    fit = 1 - ((field - model) ** 2).sum() / variance if variance else 1.0
    return Gaussian(tuple(center), tuple(spread), float(fit))


def effective_share(field: np.ndarray, sizes: tuple[int, int]) -> float:
    """Area of the effective field over that of the theoretical one, rows x columns."""
    return area(field) / (sizes[0] * sizes[1])
