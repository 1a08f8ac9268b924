"""Gridding: which pixels a stack of atrous convolutions reads, and how evenly.

A stack of rates r_1, r_2, ... with kernel k reads the offsets sum_i r_i * t_i with taps
t_i in 0 ... k - 1; the number of ways to reach an offset is its path count, exact here
in integers. A 2-D stack of square kernels is the product of two such axes. Rates with a
common structure leave holes (Wang et al., arXiv 1702.08502; Yu et al., 1705.09914).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

_LARGEST = 2**62


@dataclasses.dataclass(frozen=True)
class Gridding:
    """What a stack of rates does; lengths in pixels of the map it runs on.

    Attributes:
      rates: as given.
      field: first to last pixel that an output reads, along one axis.
      touched: pixels it reads along that axis.
      coverage: touched share of the square field, (touched / field)**2.
      evenness: mean over maximum of the path counts of the square field, holes counting
        as zero; 1 when every pixel is reached equally often.
      sigma: standard deviation of the path counts along one axis.
      gap: longest run of unread pixels inside the field.
      m2: the HDC quantity M_2.
      rule: whether M_2 <= kernel, the published rule.
      hole_free: whether every pixel of the field is read.
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
        raise ValueError(f"kernel {kernel} must be at least 2")
    if not rates or min(rates) < 1:
        raise ValueError(f"rates {tuple(rates)} must be one or more numbers from 1 on")


def field_size(rates: Sequence[int], kernel: int = 3) -> int:
    """1 + (kernel - 1) * sum(rates)."""
    return 1 + (kernel - 1) * sum(rates)


def path_counts(rates: Sequence[int], kernel: int = 3) -> np.ndarray:
    """Ways to reach each offset along one axis, int64 [field]; 2-D is their product.

    Raises: ValueError when kernel ** len(rates) does not fit 62 bits.

    >>> path_counts((1, 2)).tolist()
    [1, 1, 2, 1, 2, 1, 1]
    """
    _check(rates, kernel)
    if kernel ** len(rates) > _LARGEST:
        raise ValueError(f"{len(rates)} layers of kernel {kernel} overflow 62 bits")
    counts = np.ones(1, np.int64)
    for rate in rates:
        wide = np.zeros(counts.size + (kernel - 1) * rate, np.int64)
        for tap in range(kernel):
            wide[tap * rate : tap * rate + counts.size] += counts
        counts = wide
    return counts


def touched(rates: Sequence[int], kernel: int = 3) -> np.ndarray:
    """Offsets that are read along one axis, bool [field]; any number of layers."""
    _check(rates, kernel)
    bits = 1
    for rate in rates:
        bits = sum_of_shifts(bits, rate, kernel)
    text = bin(bits)[2:]
    return np.frombuffer(text.encode(), np.uint8) == ord("1")


def sum_of_shifts(bits: int, rate: int, kernel: int) -> int:
    """A set of offsets, as bits of an integer, after one more layer."""
    new = 0
    for tap in range(kernel):
        new |= bits << (tap * rate)
    return new


def coverage(rates: Sequence[int], kernel: int = 3, *, axes: int = 2) -> float:
    """Share of the field that is read.

    >>> round(coverage((2, 2, 2)), 2), coverage((1, 2, 5))
    (0.29, 1.0)
    """
    return float(touched(rates, kernel).mean() ** axes)


def union_coverage(branches: Sequence[Sequence[int]], kernel: int = 3) -> float:
    """Touched share of the square field of parallel stacks (ASPP), which is no product.

    An empty branch is a 1x1 convolution. Raises: ValueError when all are empty.
    """
    masks = [
        touched(rates, kernel) if rates else np.ones(1, bool) for rates in branches
    ]
    size = max(mask.size for mask in masks)
    if size == 1:
        raise ValueError(f"branches {tuple(branches)} must hold a rate")
    total = np.zeros((size, size), bool)
    for mask in masks:
        edge = (size - mask.size) // 2
        total[edge : edge + mask.size, edge : edge + mask.size] |= np.outer(mask, mask)
    return float(total.mean())


def hdc_m2(rates: Sequence[int]) -> int:
    """M_2 of arXiv 1702.08502, eq. 2: M_n = r_n and, downwards to i = 2,

    M_i = max(M_{i+1} - 2 r_i, M_{i+1} - 2 (M_{i+1} - r_i), r_i).

    The rule M_2 <= K alone admits gridding, (2, 2, 2) for one; see `hole_free`.
    """
    _check(rates, 3)
    m = rates[-1]
    for rate in reversed(rates[1:-1]):
        m = max(m - 2 * rate, m - 2 * (m - rate), rate)
    return m


def hole_free(rates: Sequence[int], kernel: int = 3) -> bool:
    """Whether a stack reads every pixel of its field, in any order of its rates.

    True exactly when, sorted upwards, each rate is at most the field of those before
    it (1 for the first). Enough: shifting a full interval by at most its length leaves
    no hole. Needed: the pixel just behind that field is out of reach of any later rate,
    which is larger still. For kernel 3 and sorted rates this is r_1 = 1 and M_2 <= 3.
    """
    _check(rates, kernel)
    full = 1
    for rate in sorted(rates):
        if rate > full:
            return False
        full += (kernel - 1) * rate
    return True


def minimal_kernel(rates: Sequence[int]) -> int:
    """The smallest kernel with which these rates leave no hole.

    Raises: ValueError when no kernel helps, because every rate is above 1.
    """
    _check(rates, 3)
    if min(rates) > 1:
        raise ValueError(f"rates {tuple(rates)} leave holes at any kernel; include 1")
    return next(k for k in range(2, max(rates) + 2) if hole_free(rates, k))


def minimal_depth(field: int, kernel: int = 3) -> int:
    """The fewest layers that read a field of `field` pixels without holes.

    The widest full field of n layers is kernel ** n, of rates 1, k, k**2, ...
    """
    if field < 1:
        raise ValueError(f"field {field} must be at least 1")
    depth = 0
    while kernel**depth < field:
        depth += 1
    return depth


def longest_gap(mask: np.ndarray) -> int:
    """The longest run of False in a bool vector."""
    edges = np.flatnonzero(np.concatenate([[True], mask, [True]]))
    return int(np.diff(edges).max() - 1)


def evenness(rates: Sequence[int], kernel: int = 3, *, axes: int = 2) -> float:
    """Mean over maximum of the path counts over the field."""
    counts = path_counts(rates, kernel)
    return float(counts.mean() / counts.max()) ** axes


def sigma(rates: Sequence[int], kernel: int = 3) -> float:
    """Standard deviation of the path counts along one axis."""
    return math.sqrt((kernel**2 - 1) / 12 * sum(rate**2 for rate in rates))


def gridding_of(rates: Sequence[int], kernel: int = 3) -> Gridding:
    """All of the above for one stack."""
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
