"""Valid weights: how many taps of an atrous kernel fall on the map at all.

A large rate on a small map meets mostly padding, until only the middle tap is left
(DeepLab v3, arXiv 1706.05587, section 3.3 and figure 4). Along one axis of N pixels the
tap at offset d meets the map at max(0, N - |d|) of N positions, so with a square kernel

    fraction = (sum_t max(0, N - |t * rate - before|) / (k * N))**2

which for k = 3 and rate <= N is ((3 - 2 * rate / N) / 3)**2.
"""

from __future__ import annotations

import numpy as np

from jaxseg.typing import Size, pair


def _offsets(kernel: int, rate: int) -> np.ndarray:
    """Positions of the taps about the output pixel under symmetric padding."""
    if kernel < 1 or rate < 1:
        raise ValueError(f"kernel {kernel} and rate {rate} must be at least 1")
    return np.arange(kernel) * rate - rate * (kernel - 1) // 2


def valid_fraction(size: int | Size, kernel: int = 3, rate: int = 1) -> float:
    """Mean share of a kernel's taps on a map of `size`, zero padded to the same size.

    >>> round(valid_fraction(65, 3, 36), 3)
    0.398
    """
    offsets = _offsets(kernel, rate)
    shares = []
    for length in pair(size):
        if length < 1:
            raise ValueError(f"size {size} must be positive")
        shares.append(np.maximum(0, length - np.abs(offsets)).sum() / (kernel * length))
    return float(shares[0] * shares[1])


def valid_counts(size: int | Size, kernel: int = 3, rate: int = 1) -> np.ndarray:
    """Taps on the map at every output pixel, int [H, W], by counting."""
    offsets = _offsets(kernel, rate)
    axes = []
    for length in pair(size):
        position = np.arange(length)[:, None] + offsets
        axes.append(((position >= 0) & (position < length)).sum(1))
    return np.outer(*axes)


def valid_shares(size: int | Size, kernel: int = 3, rate: int = 1) -> dict[int, float]:
    """Share of output pixels by their number of valid taps: the curves of figure 4."""
    taps, pixels = np.unique(valid_counts(size, kernel, rate), return_counts=True)
    total = pixels.sum()
    return {int(t): float(n / total) for t, n in zip(taps, pixels, strict=True)}
