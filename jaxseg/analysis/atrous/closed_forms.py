"""Predicts how a linear chain of atrous convolutions reads its input, in closed form.

A layer with kernel size k and rate r has the polynomial
1 + z^r + ... + z^((k-1) r) = (z^(k r) - 1) / (z^r - 1). The path counts of a chain are
the coefficients of the product of these polynomials. To compute them, the product is
evaluated at z = 2^b, where 2^b exceeds all counts. The result is an integer in which
each coefficient takes up b bits, so the counts are exact at any depth.
`jaxseg.analysis.atrous.gridding` counts the same paths layer by layer, and tests
compare both.

If the weights of all layers are independent with mean 0 and variance 1 / k along one
axis, the expected square of the impulse response is the path count divided by k^n, for
n layers (Luo et al., arXiv 1701.04128, section 2).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class ChainTheory:
    """Contains the closed forms for a linear chain of layers, along one axis.

    The chain has n layers with the kernel size k.

    Attributes:
      rates: The rates of the layers.
      field: The number of pixels from the first to the last one that an output reads,
        1 + (k - 1) * sum(rates).
      touched: The number of coefficients of the product polynomial that are not zero,
        which is the number of pixels that an output reads.
      evenness: The mean coefficient divided by the largest one, k^n / (field *
        largest).
      sigma: The standard deviation of the positions that an output reads, weighted by
        their path counts, sqrt((k^2 - 1) / 12 * sum(rates^2)).
    """

    rates: tuple[int, ...]
    field: int
    touched: int
    evenness: float
    sigma: float

    @property
    def coverage(self) -> float:
        """Returns the share of the receptive field that is read, along one axis."""
        return self.touched / self.field


def product_coefficients(rates: Sequence[int], kernel: int = 3) -> tuple[int, ...]:
    """Returns the coefficients of the product polynomial of a chain, its path counts.

    Coefficient number d is the number of paths through the layers from an output to the
    input pixel at distance d from the first pixel that the output reads, along one
    axis. The integers are exact.

    Args:
      rates: The atrous rate of each layer.
      kernel: The kernel size of all layers.

    Raises:
      ValueError: If there is no rate, or if a rate or the kernel size is too small.

    >>> product_coefficients((1, 2))
    (1, 1, 2, 1, 2, 1, 1)
    """
    if kernel < 2 or not rates or min(rates) < 1:
        raise ValueError(
            f"rates={tuple(rates)}, kernel={kernel} is invalid: expected one or more "
            "rates of at least 1, and a kernel size of at least 2."
        )
    bits = (kernel ** len(rates)).bit_length()  # A count has at most so many bits.
    value = 1
    for rate in rates:
        value *= (2 ** (bits * kernel * rate) - 1) // (2 ** (bits * rate) - 1)
    field = 1 + (kernel - 1) * sum(rates)
    digit = 2**bits - 1
    return tuple(value >> bits * place & digit for place in range(field))


def chain_theory(rates: Sequence[int], kernel: int = 3) -> ChainTheory:
    """Describes by closed forms how a linear chain of atrous layers reads its input.

    Args:
      rates: The atrous rate of each layer.
      kernel: The kernel size of all layers.

    Returns:
      A `ChainTheory`: the size of the receptive field along one axis, and how many of
      its pixels an output reads and how evenly.

    Raises:
      ValueError: If there is no rate, or if a rate or the kernel size is too small.
    """
    counts = product_coefficients(rates, kernel)
    square = sum(rate**2 for rate in rates)
    return ChainTheory(
        tuple(rates),
        field=len(counts),
        touched=sum(count > 0 for count in counts),
        evenness=kernel ** len(rates) / (len(counts) * max(counts)),
        sigma=math.sqrt((kernel**2 - 1) / 12 * square),
    )


def expected_response(rates: Sequence[int], kernel: int = 3) -> np.ndarray:
    """Returns the expected square of the impulse response of a chain, along one axis.

    The weights of all layers are assumed to be independent, with mean 0 and variance
    1 / kernel.

    Args:
      rates: The atrous rate of each layer.
      kernel: The kernel size of all layers.

    Returns:
      float64 [n], one value for each of the n pixels from the first to the last one
      that an output reads. The values sum to 1.
    """
    total = kernel ** len(rates)
    return np.array([count / total for count in product_coefficients(rates, kernel)])


def sampled_response(
    rates: Sequence[int], kernel: int = 3, *, draws: int = 1000, seed: int = 0
) -> np.ndarray:
    """Measures the mean square of the impulse response of chains with random weights.

    The weights are normal with mean 0 and variance 1 / kernel. With many draws, the
    result approaches `expected_response`.

    Args:
      rates: The atrous rate of each layer.
      kernel: The kernel size of all layers.
      draws: The number of chains to average over.
      seed: The seed of the weights.

    Returns:
      float64 [n], one value for each of the n pixels from the first to the last one
      that an output reads, along one axis.
    """
    random = np.random.default_rng(seed)
    response = np.ones((draws, 1))
    for rate in rates:
        weights = random.normal(0, kernel**-0.5, (draws, kernel))
        wide = np.zeros((draws, response.shape[1] + (kernel - 1) * rate))
        for tap in range(kernel):
            start = tap * rate
            wide[:, start : start + response.shape[1]] += (
                response * weights[:, tap, None]
            )
        response = wide
    return np.asarray(np.square(response).mean(0))
