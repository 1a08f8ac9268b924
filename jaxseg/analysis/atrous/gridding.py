"""Computes which pixels a stack of atrous convolutions reads, and how evenly.

A layer with kernel size k and rate r reads, along one axis, the offsets r * t for t
from 0 to k - 1. A stack of layers with the rates r_1, r_2, ... reads the offsets
sum_i r_i * t_i. The path count of an offset is the number of choices (t_1, t_2, ...)
that lead to it; it is computed exactly, in integers. The field spans from the first to
the last offset. A hole is a pixel inside the field that is not read. Rates that share a
factor leave holes, which is called gridding (Wang et al., arXiv 1702.08502; Yu et al.,
arXiv 1705.09914). The kernels are square, so both axes of a 2-D stack behave alike.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

_LARGEST = 2**62  # Sums of counts up to this value fit into int64.


@dataclasses.dataclass(frozen=True)
class Gridding:
    """Describes a stack of atrous layers; lengths are in pixels of the stack's input.

    Attributes:
      rates: The atrous rate of each layer.
      field: The number of pixels from the first to the last one that an output reads,
        along one axis.
      touched: The number of pixels that an output reads along one axis.
      coverage: The share of the square field that an output reads, (touched /
        field)**2.
      evenness: The mean of the path counts over the square field, divided by their
        maximum. The path count of a pixel is the number of paths from it through the
        layers to an output. Holes, the pixels that are not read, count as zero. The
        evenness is 1 if all path counts are equal.
      sigma: The standard deviation of the offsets along one axis, weighted by their
        path counts.
      gap: The largest number of consecutive holes along one axis.
      m2: The quantity M_2 of hybrid dilated convolution (HDC), see `hdc_m2`.
      rule: Whether M_2 is at most the kernel size, as the HDC paper demands.
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
    """Returns the size of the receptive field of a stack of atrous layers.

    The size is in input pixels along one axis: 1 + (kernel - 1) * sum(rates).
    """
    return 1 + (kernel - 1) * sum(rates)


def path_counts(rates: Sequence[int], kernel: int = 3) -> np.ndarray:
    """Counts the paths through a stack of layers from each input pixel to one output.

    A path chooses one kernel position in each layer. The counts are along one axis; the
    count of a pixel in 2-D is the product of the counts of its row and column.

    Returns:
      int64 [field], one count for each pixel from the first to the last that is read.

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
    """Returns for each pixel of the receptive field whether a stack of layers reads it.

    The result is a Boolean array with one entry for each pixel along one axis, from the
    first to the last one that is read.
    """
    _check(rates, kernel)
    bits = 1
    for rate in rates:
        bits = sum_of_shifts(bits, rate, kernel)
    text = bin(bits)[2:]
    return np.frombuffer(text.encode(), np.uint8) == ord("1")


def sum_of_shifts(bits: int, rate: int, kernel: int) -> int:
    """Returns the input offsets that a stack reads after one more atrous layer.

    A set of offsets is encoded as an integer: bit n is 1 if the stack reads offset n.

    Args:
      bits: The offsets that the stack reads without the new layer.
      rate: The atrous rate of the new layer.
      kernel: The kernel size of the new layer.
    """
    new = 0
    for tap in range(kernel):
        new |= bits << (tap * rate)
    return new


def coverage(rates: Sequence[int], kernel: int = 3, *, axes: int = 2) -> float:
    """Returns the share of its receptive field that a stack of atrous layers reads.

    `axes` is 1 for the share along one axis and 2 for the share in 2-D.

    >>> round(coverage((2, 2, 2)), 2), coverage((1, 2, 5))
    (0.29, 1.0)
    """
    return float(touched(rates, kernel).mean() ** axes)


def union_coverage(branches: Sequence[Sequence[int]], kernel: int = 3) -> float:
    """Computes the share of their receptive field that parallel branches read together.

    The branches are stacks of atrous layers whose outputs are added or concatenated, as
    in ASPP. The receptive field is the square field of the largest branch. Unlike the
    coverage of a single stack, this share is not the product of the shares along rows
    and columns.

    Args:
      branches: For each branch, the rates of its layers. A branch without rates is a
        1x1 convolution.
      kernel: The kernel size of the layers.

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
    """Computes the quantity M_2 of hybrid dilated convolution (HDC).

    The authors call M_i the maximum distance between two nonzero values at layer i
    (arXiv 1702.08502, equation 2). For n layers with the rates r_1, ..., r_n, M_n is
    r_n, and for i = n - 1, ..., 2,
    M_i = max(M_{i+1} - 2 r_i, M_{i+1} - 2 (M_{i+1} - r_i), r_i).

    The paper demands M_2 <= kernel size. This alone does not exclude holes, for example
    with the rates (2, 2, 2); `hole_free` is exact.
    """
    _check(rates, 3)
    m = rates[-1]
    for rate in reversed(rates[1:-1]):
        m = max(m - 2 * rate, m - 2 * (m - rate), rate)
    return m


def hole_free(rates: Sequence[int], kernel: int = 3) -> bool:
    """Returns whether a stack of atrous layers reads all pixels of its receptive field.

    A pixel of the field that is not read is a hole.

    The order of the rates does not matter. With the rates in ascending order, there is
    no hole if and only if each rate is at most the size of the field of the rates
    before it (1 for the first rate). This is sufficient: the earlier rates read a full
    interval, and copies of an interval that are shifted by at most its length leave no
    hole. It is also necessary: if a rate is larger than that interval, then neither
    this rate nor a later, larger one reads the first pixel after the interval. For
    kernel size 3, the condition means r_1 = 1 and M_2 <= 3.
    """
    _check(rates, kernel)
    full = 1
    for rate in sorted(rates):
        if rate > full:
            return False
        full += (kernel - 1) * rate
    return True


def minimal_kernel(rates: Sequence[int]) -> int:
    """Returns the smallest kernel size with which layers of given rates have no hole.

    A hole is a pixel inside the receptive field that the layers do not read.

    Raises:
      ValueError: If every rate is above 1, because then every kernel leaves holes.
    """
    _check(rates, 3)
    if min(rates) > 1:
        raise ValueError(
            f"rates={tuple(rates)} is invalid: expected a rate of 1 among them, "
            "because other rates leave holes with every kernel size."
        )
    return next(k for k in range(2, max(rates) + 2) if hole_free(rates, k))


def minimal_depth(field: int, kernel: int = 3) -> int:
    """Returns the smallest number of layers that can read `field` pixels without holes.

    A hole is a pixel between the first and the last one that the layers do not read.
    With kernel size k, n atrous layers read at most k ** n pixels along an axis without
    holes. The rates 1, k, k**2, ... do so.
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
    """Returns how evenly a stack of atrous layers reads its receptive field.

    The path count of a pixel is the number of paths from it through the layers to one
    output. The result is the mean path count divided by the largest one, 1 if all
    pixels have equal counts. `axes` is 1 for one axis and 2 for the square field.
    """
    counts = path_counts(rates, kernel)
    return float(counts.mean() / counts.max()) ** axes


def sigma(rates: Sequence[int], kernel: int = 3) -> float:
    """Returns the standard deviation of the input positions that an output reads.

    Each position is weighted by the number of paths from it through the layers to the
    output. The result is in pixels along one axis.
    """
    return math.sqrt((kernel**2 - 1) / 12 * sum(rate**2 for rate in rates))


def gridding_of(rates: Sequence[int], kernel: int = 3) -> Gridding:
    """Computes the properties of the receptive field of a stack of atrous layers.

    The result, a `Gridding`, contains the size of the field, the longest run of pixels
    that are not read, and how evenly the other pixels are read.
    """
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
