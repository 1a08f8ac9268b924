"""Measures the effective receptive field by the gradient of one output.

The field is the mean squared gradient of the middle of a map over random inputs. It
comes with the Gaussian that it resembles, and with its area relative to the theoretical
field (Luo et al., NIPS 2016, arXiv 1701.04128). The support of the gradient is a
measurement of the theoretical field.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from jaxseg.typing import Array

# The area ends at this share of the maximum: two sigma of a normal density.
LEVEL = 1 - 0.9545


@dataclasses.dataclass(frozen=True)
class Gaussian:
    """Contains the moments of a map, and how well a Gaussian describes it.

    Attributes:
      center: The row and column of the center.
      sigma: The standard deviation along rows and columns, in pixels.
      fit: The share of the map's variance that the Gaussian of these moments explains
        at the best height; 1 for a perfect fit.
    """

    center: tuple[float, float]
    sigma: tuple[float, float]
    fit: float


def gradients(
    fn: Callable[[Array], Array],
    images: Array,
    position: tuple[int, int] | None = None,
) -> np.ndarray:
    """Computes the gradient of one map position with respect to the images.

    Args:
      fn: Maps [n, H, W, C] to [n, h, w, K]. The K channels are summed.
      images: [n, H, W, C].
      position: The row and column in the map; None is its middle.

    Returns:
      [n, H, W, C].
    """
    return np.asarray(_gradient(fn, position)(images))


def _gradient(fn, position):
    """Returns a compiled function from images to the gradient of one position."""

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
    """Computes the mean squared gradient over images and channels.

    Images are processed one by one, so that memory does not grow with their number.
    For the arguments see `gradients`.

    Returns:
      float64 [H, W].
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
    """Returns booleans [H, W]: the pixels with any gradient at any of the images.

    Zero gradients hide pixels. Use weights that keep activations positive, and several
    images for networks with max pooling. For the arguments see `gradients`.
    """
    return (gradients(fn, images, position) != 0).any((0, 3))


def area(field: np.ndarray, level: float = LEVEL) -> int:
    """Counts the pixels above `level` times the maximum."""
    return int((field > level * field.max()).sum())


def gaussian_fit(field: np.ndarray) -> Gaussian:
    """Computes center, spread and quality of the Gaussian with the map's moments.

    Raises:
      ValueError: If the map has a negative value or is zero everywhere.
    """
    field = np.asarray(field, np.float64)
    total = field.sum()
    if field.min() < 0 or not total > 0:
        raise ValueError(
            "field is invalid: expected non-negative values that are not all zero."
        )
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
    """Returns the area of the effective field relative to rows x columns of `sizes`."""
    return area(field) / (sizes[0] * sizes[1])
