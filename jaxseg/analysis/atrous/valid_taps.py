"""Computes how many taps of an atrous kernel fall on the feature map.

A tap is one of the positions that the kernel reads; it is valid if it falls on the
feature map and not on the zero padding. With a large rate on a small map, most taps
fall on the padding, until only the middle one is valid (DeepLab v3, arXiv 1706.05587,
section 3.3 and figure 4). Along an axis of N pixels, the tap at offset d is valid at
max(0, N - |d|) of the N positions. For a square kernel of size k, the share of valid
taps, averaged over all positions, is

    fraction = (sum_t max(0, N - |t * rate - before|) / (k * N))**2

where t runs from 0 to k - 1 and `before` is the padding. For k = 3 and rate <= N this
is ((3 - 2 * rate / N) / 3)**2.
"""

from __future__ import annotations

import numpy as np

from jaxseg.typing import Size, pair


def _offsets(kernel: int, rate: int) -> np.ndarray:
    """Returns tap positions relative to the output pixel under symmetric padding."""
    if kernel < 1 or rate < 1:
        raise ValueError(
            f"kernel={kernel}, rate={rate} is invalid: expected 1 or more for both."
        )
    return np.arange(kernel) * rate - rate * (kernel - 1) // 2


def valid_fraction(
    size: int | Size, kernel: int = 3, rate: int | tuple[int, int] = 1
) -> float:
    """Computes the share of the kernel's taps that fall on the map and not on padding.

    A tap is one of the positions that the kernel reads for an output pixel. The share
    is averaged over all output pixels.

    Args:
      size: Height and width of the map, or one number for both.
      kernel: The kernel size.
      rate: The atrous rate, or the rates along rows and columns.

    >>> round(valid_fraction(65, 3, 36), 3)
    0.398
    """
    shares = []
    for length, step in zip(pair(size), pair(rate), strict=True):
        offsets = _offsets(kernel, step)
        if length < 1:
            raise ValueError(f"size={size} is invalid: expected 1 or more.")
        shares.append(np.maximum(0, length - np.abs(offsets)).sum() / (kernel * length))
    return float(shares[0] * shares[1])


def valid_counts(size: int | Size, kernel: int = 3, rate: int = 1) -> np.ndarray:
    """Counts the kernel's taps that fall on the map and not on its padding.

    A tap is one of the positions that the kernel reads for an output pixel.

    Args:
      size: Height and width of the map, or one number for both.
      kernel: The kernel size.
      rate: The atrous rate.

    Returns:
      Integers [H, W]. Entry [i, j] is the count for the kernel at output pixel (i, j).
    """
    offsets = _offsets(kernel, rate)
    axes = []
    for length in pair(size):
        position = np.arange(length)[:, None] + offsets
        axes.append(((position >= 0) & (position < length)).sum(1))
    return np.outer(*axes)


def valid_shares(size: int | Size, kernel: int = 3, rate: int = 1) -> dict[int, float]:
    """Computes the share of the output pixels for each number of valid taps.

    A tap is a position that the kernel reads. It is valid if it falls on the map and
    not on the padding. The shares are the curves of figure 4 of DeepLab v3 (arXiv
    1706.05587).

    Returns:
      A dictionary from each number of valid taps to the share of pixels with it.
    """
    taps, pixels = np.unique(valid_counts(size, kernel, rate), return_counts=True)
    total = pixels.sum()
    return {int(t): float(n / total) for t, n in zip(taps, pixels, strict=True)}
