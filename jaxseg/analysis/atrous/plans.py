"""Searches for atrous rates that cover a field without holes and as evenly as possible.

It answers questions such as: which rates suit a map of 65 x 65 at output stride 8, with
a field of at least 513 image pixels and no gridding? The search tries every sorted plan
without holes (`jaxseg.analysis.atrous.gridding.hole_free`). It ranks plans by the
evenness of their path counts, and then by the share of taps that fall on the map (arXiv
1706.05587, figure 4).
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
    """Contains one stack of rates on a map.

    Attributes:
      rates: The rates in ascending order.
      cells: The field on the map, in cells.
      field: The field in image pixels, base + output_stride * (cells - 1).
      coverage: The share of the square field that is read.
      evenness: Mean over maximum of the path counts on the square field.
      valid: The mean share of taps on the map over the layers; 1 without a map size.
    """

    rates: tuple[int, ...]
    cells: int
    field: int
    coverage: float
    evenness: float
    valid: float


def needed_cells(field: int, *, output_stride: int = 1, base: int = 1) -> int:
    """Returns the least cells with `base + output_stride * (cells - 1)` >= `field`."""
    if output_stride < 1 or base < 1:
        raise ValueError(
            f"output_stride={output_stride}, base={base} is invalid: expected 1 or "
            "more for both."
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
    """Computes the plan of given rates on a map of `size` cells per side."""
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
    """Finds all sorted hole-free plans of `depth` layers, the most even first.

    Args:
      cells: The least size of the field, in cells.
      depth: Number of layers.
      kernel: The kernel size.
      max_rate: The largest allowed rate.
      excess: The largest allowed field, as a multiple of `cells`.

    Returns:
      The rates of each plan, empty if no plan qualifies. Ties are in order of smaller
      fields and then of smaller rates.

    Raises:
      ValueError: If `cells` or `depth` is less than 1.
    """
    if cells < 1 or depth < 1:
        raise ValueError(
            f"cells={cells}, depth={depth} is invalid: expected 1 or more for both."
        )
    low = max(depth, math.ceil((cells - 1) / (kernel - 1)))
    high = max(low, int((excess * cells - 1) / (kernel - 1)))
    limit = max_rate or high
    found = list(_lists(depth, kernel, low, high, limit))
    scored = [(-round(evenness(r, kernel), 12), sum(r), r) for r in found]
    return [rates for *_, rates in sorted(scored)]


def _lists(
    depth: int, kernel: int, low: int, high: int, limit: int
) -> Iterator[tuple[int, ...]]:
    """Yields sorted hole-free rates with low <= sum <= high, none above `limit`."""

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
    """Finds plans that read at least `field` image pixels without holes.

    Args:
      field: The least field in image pixels.
      size: Cells per side of the map. Rates are at most half of it, so that every tap
        is on the map at its middle.
      output_stride: Image pixels per cell.
      base: The receptive field of the stack's input features. 1 counts the stack alone.
      kernel: The kernel size.
      depth: Number of layers. None takes the least possible and the next two.
      count: Number of plans per depth.
      excess: The largest allowed field, as a multiple of the least one.

    Raises:
      ValueError: If no plan qualifies. The message names the least possible depth.
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
            f"field={field}, depth={depth} is invalid: expected a plan that reads "
            f"{cells} cells without holes; depth {fewest} is the least with kernel "
            f"{kernel}" + (f" and rates up to {max_rate}." if max_rate else ".")
        )
    return plans
