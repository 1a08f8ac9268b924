"""Measures the effective receptive field of one output pixel by its gradient.

The effective field is the squared gradient of one output position, averaged over random
inputs (Luo et al., NIPS 2016, arXiv 1701.04128). `gaussian_fit` describes it by a
Gaussian, and `effective_share` compares its area to the theoretical receptive field.
`support` measures the theoretical field as the set of pixels with a nonzero gradient.
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
    """Describes the Gaussian that approximates a map.

    Attributes:
      center: The row and column of the center.
      sigma: The standard deviation along rows and columns, in pixels.
      fit: The share of the variance of the map that this Gaussian explains, if its
        height is chosen by least squares; 1 for a perfect fit.
    """

    center: tuple[float, float]
    sigma: tuple[float, float]
    fit: float


def gradients(
    fn: Callable[[Array], Array],
    images: Array,
    position: tuple[int, int] | None = None,
) -> np.ndarray:
    """Computes the gradient of one output position with respect to the images.

    Args:
      fn: Maps images [n, H, W, C] to outputs [n, h, w, K]. The K channels are summed.
      images: The images, [n, H, W, C].
      position: The row and column of the output; None takes the middle of the map.

    Returns:
      The gradients, [n, H, W, C].
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
    """Computes the squared gradient of one output position, averaged over the images.

    It is also averaged over the channels of the images. Images are processed one by
    one, so that memory does not grow with their number.

    Args:
      fn: Maps images [n, H, W, C] to outputs [n, h, w, K]. The K channels are summed.
      images: The images, [n, H, W, C].
      position: The row and column of the output; None takes the middle of the map.

    Returns:
      float64 [H, W].
    """
    gradient = _gradient(fn, position)
    total = sum(
        np.square(np.asarray(gradient(image[None])), dtype=np.float64).mean((0, 3))
        for image in images
    )
    return np.asarray(total / len(images))


def support(
    fn: Callable[[Array], Array],
    images: Array,
    position: tuple[int, int] | None = None,
) -> np.ndarray:
    """Finds the pixels at which the gradient of one output position is nonzero.

    A pixel counts if this gradient is nonzero in at least one of the images.

    A pixel that the output depends on is missed if its gradient happens to be zero, for
    example behind an inactive ReLU or because max pooling selects another pixel. Use
    weights that keep all activations positive, and several images for networks with max
    pooling.

    Args:
      fn: Maps images [n, H, W, C] to outputs [n, h, w, K]. The K channels are summed.
      images: The images, [n, H, W, C].
      position: The row and column of the output; None takes the middle of the map.

    Returns:
      Booleans [H, W], True at pixels with a nonzero gradient.
    """
    return (gradients(fn, images, position) != 0).any((0, 3))


def area(field: np.ndarray, level: float = LEVEL) -> int:
    """Counts the pixels of a map that exceed `level` times its largest value."""
    return int((field > level * field.max()).sum())


def gaussian_fit(field: np.ndarray) -> Gaussian:
    """Approximates a map by a Gaussian with the same center and standard deviations.

    The center of a map is the mean of the pixel coordinates, weighted by the values of
    the map. The standard deviations of the coordinates, one for rows and one for
    columns, are weighted in the same way.

    Args:
      field: The map [H, W], such as the result of `effective_field`.

    Returns:
      The center, the standard deviations, and how well the Gaussian fits the map.

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
    return Gaussian((center[0], center[1]), (spread[0], spread[1]), float(fit))


def effective_share(field: np.ndarray, sizes: tuple[int, int]) -> float:
    """Returns the area of the effective field divided by that of the theoretical field.

    The number of pixels in the effective field, as `area` counts them, is divided by
    the height times the width of the theoretical field.

    Args:
      field: The effective field [H, W].
      sizes: Height and width of the theoretical receptive field in pixels.
    """
    return area(field) / (sizes[0] * sizes[1])
