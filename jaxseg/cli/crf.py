"""The options --crf.* of `jaxseg predict`."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import numpy as np

from jaxseg.inference.crf import Kernels, Method, Normalisation
from jaxseg.inference.crf_refine import refine

Refiner = Callable[[np.ndarray, np.ndarray, tuple[int, int]], np.ndarray]


@dataclasses.dataclass(frozen=True)
class CRF:
    """Dense CRF; the defaults are those of DeepLab v2 on ResNet-101."""

    colour_weight: float = 4.0
    """Weight of the kernel of position and colour."""
    sigma_xy: float = 67.0
    """Its deviation in pixels."""
    sigma_rgb: float = 3.0
    """Its deviation in levels of 0..255."""
    position_weight: float = 3.0
    """Weight of the kernel of position alone."""
    position_sigma: float = 1.0
    """Its deviation in pixels."""
    iterations: int = 10
    """Steps of mean field."""
    normalisation: Normalisation = "after"
    """after is DeepLab's, symmetric is pydensecrf's default."""
    method: Method = "lattice"
    """lattice is fast and approximate, exact takes all pairs of pixels."""


def refiner(options: CRF) -> Refiner:
    """Maps probabilities [H, W, K], padded image and true size to probabilities.

    Raises:
      ValueError: for deviations that are not positive and negative iterations.
    """
    deviations = (options.sigma_xy, options.sigma_rgb, options.position_sigma)
    if min(deviations) <= 0 or options.iterations < 0:
        raise ValueError(
            f"--crf: sigma_xy, sigma_rgb, position_sigma are {deviations} and "
            f"iterations is {options.iterations}; allowed are more than 0, and 0 or "
            "more"
        )
    kernels = Kernels(
        position_weight=options.position_weight,
        position_sigma=options.position_sigma,
        colour_weight=options.colour_weight,
        colour_reach=options.sigma_xy,
        colour_sigma=options.sigma_rgb,
    )
    smooth = functools.partial(
        refine,
        kernels=kernels,
        iterations=options.iterations,
        normalisation=options.normalisation,
        method=options.method,
    )

    def run(probability, image, size):
        valid = np.zeros(image.shape[:2], bool)
        valid[: size[0], : size[1]] = True
        return smooth(probability, image, valid=valid)

    return run
