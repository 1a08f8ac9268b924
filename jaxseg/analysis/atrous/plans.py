"""Search for rate plans: depth and field in, the most even hole-free rates out.

Question it answers: which rates for a map of 65 x 65, output stride 8, a field of at
least 513 image pixels, and no gridding? Every sorted plan without holes is tried
(`jaxseg.analysis.atrous.gridding.hole_free`); plans are ranked by the evenness of their
path counts, then by the share of taps that fall on the map (arXiv 1706.05587, figure
4).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from jaxseg.analysis.atrous.gridding import (
    evenness,
    field_size,
    gridding_of,
    minimal_depth,
)
from jaxseg.analysis.atrous.valid_taps import valid_fraction


@dataclasses.dataclass(frozen=True)
class Plan:
    """One stack of rates on a map.

    Attributes:
      rates: upwards.
      cells: field on the map, in cells.
      field: field in image pixels, base + output_stride * (cells - 1).
      coverage: share of the square field that is read.
      evenness: mean over maximum of the path counts, on the square field.
      valid: mean share of taps on the map, over the layers; 1 when no map was named.
    """

    rates: tuple[int, ...]
    cells: int
    field: int
    coverage: float
    evenness: float
    valid: float


def needed_cells(field: int, *, output_stride: int = 1, base: int = 1) -> int:
    """Cells a stack must span so that `base + stride * (cells - 1)` reaches `field`."""
    if output_stride < 1 or base < 1:
        raise ValueError(
            f"output_stride {output_stride} and base {base} must be at least 1"
        )
    return 1 + max(0, math.ceil((field - base) / output_stride))


def describe(
    rates: tuple[int, ...],
    *,
    kernel: int = 3,
    size: int | None = None,
    output_stride: int = 1,
    base: int = 1,
) -> Plan:
    """A given plan on a map of `size` cells a side."""
    found = gridding_of(rates, kernel)
    shares = [1.0 if size is None else valid_fraction(size, kernel, r) for r in rates]
    return Plan(
        rates=found.rates,
        cells=found.field,
        field=base + output_stride * (found.field - 1),
        coverage=found.coverage,
        evenness=found.evenness,
        valid=sum(shares) / len(shares),
    )


def search(
    cells: int,
    *,
    depth: int,
    kernel: int = 3,
    max_rate: int | None = None,
    excess: float = 1.3,
) -> list[tuple[int, ...]]:
    """All sorted hole-free plans of `depth` layers, the most even first.

    Args:
      cells: the field must have at least so many pixels, and at most `excess` times.
      max_rate: largest allowed rate.

    Returns: rates, empty when no plan qualifies; ties by smaller field, smaller rates.
    """
    if cells < 1 or depth < 1:
        raise ValueError(f"cells {cells} and depth {depth} must be at least 1")
    low = max(depth, math.ceil((cells - 1) / (kernel - 1)))
    high = max(low, int((excess * cells - 1) / (kernel - 1)))
    limit = max_rate or high
    found = list(_lists(depth, kernel, low, high, limit))
    scored = [(-round(evenness(r, kernel), 12), sum(r), r) for r in found]
    return [rates for *_, rates in sorted(scored)]


def _lists(
    depth: int, kernel: int, low: int, high: int, limit: int
) -> Iterator[tuple[int, ...]]:
    """Sorted hole-free lists with low <= sum <= high and no rate above `limit`."""

    def grow(rates, total):
        left = depth - len(rates)
        if not left:
            if total >= low:
                yield rates
            return
        most = min(field_size(rates, kernel), limit, (high - total) // left)
        least = rates[-1] if rates else 1
        if left == 1:
            least = max(least, low - total)
        for rate in range(least, most + 1):
            yield from grow((*rates, rate), total + rate)

    yield from grow((), 0)


def recommend(
    field: int,
    *,
    size: int | None = None,
    output_stride: int = 1,
    base: int = 1,
    kernel: int = 3,
    depth: int | None = None,
    count: int = 5,
    excess: float = 1.3,
) -> list[Plan]:
    """Plans that read at least `field` image pixels without holes.

    Args:
      size: cells a side of the map; rates stay at most half of it, so that the middle
        of the map sees every tap.
      output_stride: image pixels per cell.
      base: receptive field of the features the stack starts from; 1 counts it alone.
      depth: layers; None takes the fewest possible and the two depths above.
      count: plans per depth.

    Raises: ValueError when no plan qualifies, with the smallest depth that could do.
    """
    cells = needed_cells(field, output_stride=output_stride, base=base)
    fewest = max(1, minimal_depth(cells, kernel))
    depths = range(fewest, fewest + 3) if depth is None else (depth,)
    max_rate = None if size is None else max(1, size // 2)
    plans = []
    for layers in depths:
        found = search(
            cells, depth=layers, kernel=kernel, max_rate=max_rate, excess=excess
        )
        plans += [
            describe(
                rates, kernel=kernel, size=size, output_stride=output_stride, base=base
            )
            for rates in found[:count]
        ]
    if not plans:
        raise ValueError(
            f"no plan of depth {depth} reads {cells} cells without holes; depth "
            f"{fewest} is the least at kernel {kernel}"
            + (f", rates up to {max_rate}" if max_rate else "")
        )
    return plans
