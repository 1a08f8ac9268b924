"""Searches for atrous rates that reach a receptive field without gridding.

The search answers questions such as: which rates suit a feature map of 65 x 65 cells at
output stride 8, if the receptive field must span at least 513 image pixels and have no
holes? A cell is one position of the feature map. The search tries all ascending rates
without holes (`jaxseg.analysis.atrous.gridding.hole_free`) and ranks them by the
evenness with which the layers read the pixels of the field.
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
from jaxseg.typing import Size


@dataclasses.dataclass(frozen=True)
class RatePlan:
    """Describes a stack of atrous layers and its properties on a feature map.

    Attributes:
      rates: The rates in ascending order.
      cells: The size of the receptive field on the feature map, in cells. A cell is one
        position of the map.
      field: The size of the receptive field in image pixels,
        base + output_stride * (cells - 1), where base is the field of one cell.
      coverage: The share of the pixels in the square field that an output reads.
      evenness: The mean of the path counts over the square field, divided by their
        maximum. The path count of a pixel is the number of paths from it through the
        layers to an output.
      valid: The share of kernel positions that fall on the feature map and not on its
        padding, averaged over the layers (arXiv 1706.05587, figure 4). It is 1 if the
        size of the map is not given.
    """

    rates: tuple[int, ...]
    cells: int
    field: int
    coverage: float
    evenness: float
    valid: float


def needed_cells(field: int, *, output_stride: int = 1, base: int = 1) -> int:
    """Returns how many cells of the feature map a receptive field must span.

    This is the smallest number with `base + output_stride * (cells - 1) >= field`.

    Args:
      field: The receptive field in image pixels.
      output_stride: Image pixels per cell.
      base: The receptive field of one cell of the feature map, in image pixels.
    """
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
    size: int | Size | None = None,
    output_stride: int = 1,
    base: int = 1,
) -> RatePlan:
    """Returns a `RatePlan` with the properties of a stack that has the given rates.

    They are its receptive field, the share of the field that it reads, and how evenly
    it reads that share.

    Args:
      rates: The atrous rate of each layer.
      kernel: The kernel size.
      size: Height and width of the feature map in cells, one number for both, or None
        if it is unknown.
      output_stride: Image pixels per cell.
      base: The receptive field of one cell of the stack's input, in image pixels.
    """
    found = gridding_of(rates, kernel)
    shares = [1.0 if size is None else valid_fraction(size, kernel, r) for r in rates]
    return RatePlan(
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
    """Finds the rates of all stacks of `depth` layers that have no holes.

    Args:
      cells: The smallest allowed receptive field, in cells of the feature map.
      depth: Number of layers.
      kernel: The kernel size.
      max_rate: The largest allowed rate. None sets no limit.
      excess: The largest allowed receptive field, as a multiple of `cells`.

    Returns:
      The ascending rates of each stack. The stack with the largest
      `RatePlan.evenness` comes first. Ties go to the smaller receptive field and then
      to the smaller rates. The list is empty if no stack qualifies.

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
    found = list(_lists(depth, kernel=kernel, low=low, high=high, limit=limit))
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
) -> list[RatePlan]:
    """Finds stacks of atrous layers that read at least `field` pixels without holes.

    Args:
      field: The smallest allowed receptive field, in image pixels.
      size: Cells per side of the square feature map. Rates are then at most half of it,
        so that all kernel positions fall on the map if the kernel is in its middle.
      output_stride: Image pixels per cell.
      base: The receptive field of one cell of the stack's input, in image pixels. The
        default, 1, leaves out the layers before the stack.
      kernel: The kernel size.
      depth: Number of layers. None tries the smallest possible number and the next two.
      count: The largest number of plans for each depth.
      excess: The largest allowed receptive field, as a multiple of the smallest
        allowed one.

    Returns:
      A list of `RatePlan`, one for each stack, in order of depth. Among plans of equal
      depth, the one with the largest `RatePlan.evenness` comes first.

    Raises:
      ValueError: If no plan qualifies. The message names the smallest possible depth.
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
            f"field={field}, depth={depth} is invalid: expected enough layers "
            f"(depth) to read {cells} positions without holes"
            + (f" with rates up to {max_rate}" if max_rate else "")
            + f". The smallest depth with kernel size {kernel} is {fewest}."
        )
    return plans
