"""Computes which pixels a stack of atrous convolutions reads, and how evenly.

A stack of rates r_1, r_2, ... with kernel k reads the offsets sum_i r_i * t_i with taps
t_i from 0 to k - 1. The path count of an offset is the number of ways to reach it; it
is computed exactly, in integers. A 2-D stack of square kernels is the product of two
such axes. Rates with a common structure leave holes (Wang et al., arXiv 1702.08502; Yu
et al., arXiv 1705.09914).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

_LARGEST = 2**62


@dataclasses.dataclass(frozen=True)
class Gridding:
    """Contains the properties of a stack of rates, with lengths in pixels of its input.

    Attributes:
      rates: The rates.
      field: The pixels from the first to the last that an output reads, along one axis.
      touched: The number of pixels that it reads along that axis.
      coverage: The touched share of the square field, (touched / field)**2.
      evenness: Mean over maximum of the path counts of the square field, where holes
        count as zero. It is 1 if every pixel is reached equally often.
      sigma: The standard deviation of the path counts along one axis.
      gap: The longest run of unread pixels inside the field.
      m2: The quantity M_2 of HDC.
      rule: Whether M_2 <= kernel, the published rule.
      hole_free: Whether every pixel of the field is read.
    """

    rates: tuple[int, ...]
    field: int
    touched: int
    coverage: float
    evenness: float
    sigma: float
    gap: int
    m2: int
    rule: bool
    hole_free: bool


def _check(rates: Sequence[int], kernel: int) -> None:
    if kernel < 2:
        raise ValueError(f"kernel={kernel} is invalid: expected 2 or more.")
    if not rates or min(rates) < 1:
        raise ValueError(
            f"rates={tuple(rates)} is invalid: expected one or more numbers >= 1."
        )


def field_size(rates: Sequence[int], kernel: int = 3) -> int:
    """Returns 1 + (kernel - 1) * sum(rates)."""
    return 1 + (kernel - 1) * sum(rates)


def path_counts(rates: Sequence[int], kernel: int = 3) -> np.ndarray:
    """Counts the ways to reach each offset along one axis.

    In two dimensions, the counts are the outer product of both axes.

    Returns:
      int64 [field].

    Raises:
      ValueError: If kernel ** len(rates) does not fit into 62 bits.

    >>> path_counts((1, 2)).tolist()
    [1, 1, 2, 1, 2, 1, 1]
    """
    _check(rates, kernel)
    if kernel ** len(rates) > _LARGEST:
        raise ValueError(
            f"rates={tuple(rates)} is invalid: expected fewer layers, because their "
            f"path counts with kernel {kernel} overflow 62 bits."
        )
    counts = np.ones(1, np.int64)
    for rate in rates:
        wide = np.zeros(counts.size + (kernel - 1) * rate, np.int64)
        for tap in range(kernel):
            wide[tap * rate : tap * rate + counts.size] += counts
        counts = wide
    return counts


def touched(rates: Sequence[int], kernel: int = 3) -> np.ndarray:
    """Returns booleans [field]: whether each offset along one axis is read."""
    _check(rates, kernel)
    bits = 1
    for rate in rates:
        bits = sum_of_shifts(bits, rate, kernel)
    text = bin(bits)[2:]
    return np.frombuffer(text.encode(), np.uint8) == ord("1")


def sum_of_shifts(bits: int, rate: int, kernel: int) -> int:
    """Returns a set of offsets, as bits of an integer, after one more layer."""
    new = 0
    for tap in range(kernel):
        new |= bits << (tap * rate)
    return new


def coverage(rates: Sequence[int], kernel: int = 3, *, axes: int = 2) -> float:
    """Returns the share of the field that is read.

    >>> round(coverage((2, 2, 2)), 2), coverage((1, 2, 5))
    (0.29, 1.0)
    """
    return float(touched(rates, kernel).mean() ** axes)


def union_coverage(branches: Sequence[Sequence[int]], kernel: int = 3) -> float:
    """Computes the touched share of the square field of parallel stacks (ASPP).

    Unlike that of a single stack, it is not a product of two axes.

    Args:
      branches: The rates of each branch. An empty branch is a 1x1 convolution.
      kernel: The kernel size.

    Raises:
      ValueError: If all branches are empty.
    """
    masks = [
        touched(rates, kernel) if rates else np.ones(1, bool) for rates in branches
    ]
    size = max(mask.size for mask in masks)
    if size == 1:
        raise ValueError(
            f"branches={tuple(branches)} is invalid: expected at least one rate."
        )
    total = np.zeros((size, size), bool)
    for mask in masks:
        edge = (size - mask.size) // 2
        total[edge : edge + mask.size, edge : edge + mask.size] |= np.outer(mask, mask)
    return float(total.mean())


def hdc_m2(rates: Sequence[int]) -> int:
    """Computes M_2 of arXiv 1702.08502, eq. 2: M_n = r_n and, down to i = 2,

    M_i = max(M_{i+1} - 2 r_i, M_{i+1} - 2 (M_{i+1} - r_i), r_i).

    The rule M_2 <= K alone admits gridding, for example (2, 2, 2); see `hole_free`.
    """
    _check(rates, 3)
    m = rates[-1]
    for rate in reversed(rates[1:-1]):
        m = max(m - 2 * rate, m - 2 * (m - rate), rate)
    return m


def hole_free(rates: Sequence[int], kernel: int = 3) -> bool:
    """Returns whether a stack reads every pixel of its field, in any order of rates.

    This holds exactly if, in ascending order, each rate is at most the field of those
    before it (1 for the first). The condition is sufficient, because shifting a full
    interval by at most its length leaves no hole. It is necessary, because the pixel
    just outside that field is out of reach of all later rates, which are even larger.
    For kernel 3 and sorted rates it means r_1 = 1 and M_2 <= 3.
    """
    _check(rates, kernel)
    full = 1
    for rate in sorted(rates):
        if rate > full:
            return False
        full += (kernel - 1) * rate
    return True


def minimal_kernel(rates: Sequence[int]) -> int:
    """Returns the smallest kernel with which these rates leave no hole.

    Raises:
      ValueError: If every rate is above 1, so that no kernel helps.
    """
    _check(rates, 3)
    if min(rates) > 1:
        raise ValueError(
            f"rates={tuple(rates)} is invalid: expected a rate of 1 among them. "
            "Without it they leave holes with any kernel."
        )
    return next(k for k in range(2, max(rates) + 2) if hole_free(rates, k))


def minimal_depth(field: int, kernel: int = 3) -> int:
    """Returns the fewest layers that read a field of `field` pixels without holes.

    The widest full field of n layers is kernel ** n, with the rates 1, k, k**2, ...
    """
    if field < 1:
        raise ValueError(f"field={field} is invalid: expected 1 or more.")
    depth = 0
    while kernel**depth < field:
        depth += 1
    return depth


def longest_gap(mask: np.ndarray) -> int:
    """Returns the length of the longest run of False in a Boolean vector."""
    edges = np.flatnonzero(np.concatenate([[True], mask, [True]]))
    return int(np.diff(edges).max() - 1)


def evenness(rates: Sequence[int], kernel: int = 3, *, axes: int = 2) -> float:
    """Returns mean over maximum of the path counts over the field."""
    counts = path_counts(rates, kernel)
    return float(counts.mean() / counts.max()) ** axes


def sigma(rates: Sequence[int], kernel: int = 3) -> float:
    """Returns the standard deviation of the path counts along one axis."""
    return math.sqrt((kernel**2 - 1) / 12 * sum(rate**2 for rate in rates))


def gridding_of(rates: Sequence[int], kernel: int = 3) -> Gridding:
    """Computes all properties of one stack."""
    mask = touched(rates, kernel)
    m2 = hdc_m2(rates)
    return Gridding(
        rates=tuple(rates),
        field=mask.size,
        touched=int(mask.sum()),
        coverage=float(mask.mean() ** 2),
        evenness=evenness(rates, kernel),
        sigma=sigma(rates, kernel),
        gap=longest_gap(mask),
        m2=m2,
        rule=m2 <= kernel,
        hole_free=bool(mask.all()),
    )
