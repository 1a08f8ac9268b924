"""Defines the options --crf.* of `jaxseg predict`.

They configure a dense conditional random field (CRF), which refines the probabilities
of a network along the edges of the image.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import numpy as np

from jaxseg.inference.crf import Kernels, Method, Normalization
from jaxseg.inference.crf_refine import refine
from jaxseg.runs.rules import number, whole

Refiner = Callable[[np.ndarray, np.ndarray, tuple[int, int]], np.ndarray]


BOUNDS = {
    "color_weight": number(0),
    "sigma_xy": number(above=0),
    "sigma_rgb": number(above=0),
    "position_weight": number(0),
    "position_sigma": number(above=0),
    "iterations": whole(0, 10_000),
}


@dataclasses.dataclass(frozen=True)
class CRF:
    """Sets the options of the dense conditional random field (CRF).

    The defaults are the values that DeepLab v2 uses with ResNet-101.
    """

    color_weight: float = 4.0
    """Weight of the bilateral kernel, which depends on position and color."""
    sigma_xy: float = 67.0
    """Standard deviation of the bilateral kernel over positions, in pixels."""
    sigma_rgb: float = 3.0
    """Standard deviation of the bilateral kernel over colors, which are 0 to 255."""
    position_weight: float = 3.0
    """Weight of the kernel that depends on position alone."""
    position_sigma: float = 1.0
    """Standard deviation of the position kernel in pixels."""
    iterations: int = 10
    """Number of mean-field iterations."""
    normalization: Normalization = "after"
    """How values are normalized by the row sums of a kernel: none (not at all), before
    filtering, after filtering (as in DeepLab), or symmetric (by the square roots, as in
    pydensecrf)."""
    method: Method = "lattice"
    """lattice filters fast and approximately; exact sums over all pairs of pixels."""


def refiner(options: CRF) -> Refiner:
    """Returns a function that refines the probabilities of one padded image.

    The function takes the probabilities [H, W, K], the image [H, W, 3] and the (H, W)
    before padding. It returns refined probabilities [H, W, K].
    """
    kernels = Kernels(
        position_weight=options.position_weight,
        position_sigma=options.position_sigma,
        color_weight=options.color_weight,
        color_reach=options.sigma_xy,
        color_sigma=options.sigma_rgb,
    )
    smooth = functools.partial(
        refine,
        kernels=kernels,
        iterations=options.iterations,
        normalization=options.normalization,
        method=options.method,
    )

    def run(probability, image, size):
        valid = np.zeros(image.shape[:2], bool)
        valid[: size[0], : size[1]] = True
        return smooth(probability, image, valid=valid)

    return run
