"""Finds the stacks of atrous layers that no other stack beats in every respect.

Three properties of a stack without holes are compared: its receptive field (larger is
better), the share of kernel positions that fall on the feature map (larger is better)
and the cost (smaller is better). A stack is Pareto-optimal if no other stack is at
least as good in all three and better in one of them.

For a given number of layers and a given field, the share of kernel positions on the
feature map is a sum over the layers. The sum of the rates so far and the last rate
determine which rates can follow without holes
(`jaxseg.analysis.atrous.gridding.hole_free`). A dynamic program whose states are these
two numbers therefore finds the best stack exactly.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable

from jaxseg.analysis.atrous.gridding import field_size, hole_free
from jaxseg.analysis.atrous.plans import RatePlan, describe
from jaxseg.analysis.atrous.valid_taps import valid_fraction
from jaxseg.typing import Size

MOST_LISTS = 100_000  # that `exhaustive_plans` tries; more take longer than a second


@dataclasses.dataclass(frozen=True)
class PlanLimits:
    """Contains the limits within which stacks of layers are compared.

    Attributes:
      size: Height and width of the feature map in cells, or one number for both.
      depth: The largest number of layers.
      kernel: The kernel size.
      cells: The smallest receptive field, in cells.
      max_rate: The largest rate. None allows half of the smaller side of the map.
      max_cells: The largest receptive field, in cells. None allows 2 * n - 1 cells,
        where n is the smaller side of the map; every output then reads the whole side.
    """

    size: int | Size
    depth: int
    kernel: int = 3
    cells: int = 1
    max_rate: int | None = None
    max_cells: int | None = None

    def __post_init__(self):
        if self.side < 1 or self.depth < 1 or self.kernel < 2:
            raise ValueError(
                f"size={self.size}, depth={self.depth}, kernel={self.kernel} is "
                "invalid: expected size >= 1, depth >= 1 and kernel >= 2."
            )

    @property
    def side(self) -> int:
        """Returns the smaller side of the feature map in cells."""
        return self.size if isinstance(self.size, int) else min(self.size)

    @property
    def largest_rate(self) -> int:
        """Returns the largest rate that a layer may have."""
        return max(1, self.side // 2) if self.max_rate is None else self.max_rate

    @property
    def largest_sum(self) -> int:
        """Returns the largest sum that the rates of a stack may have."""
        most = 2 * self.side - 1 if self.max_cells is None else self.max_cells
        return (max(most, self.cells) - 1) // (self.kernel - 1)


def stack_cost(rates: tuple[int, ...], kernel: int = 3) -> int:
    """Returns the cost of a stack of layers: kernel**2 for each layer.

    It is the number of multiply-accumulates for one cell of the map, one input channel
    and one output channel in each layer.
    """
    return len(rates) * kernel**2


def pareto_plans(limits: PlanLimits) -> list[RatePlan]:
    """Finds all Pareto-optimal stacks of atrous layers without holes.

    No other stack within the limits is at least as good in the receptive field, the
    share of kernel positions on the feature map and the cost, and better in one of
    them. If several stacks are equal in all three, the result contains one of them.

    Args:
      limits: The limits within which stacks are compared.

    Returns:
      A list with a `RatePlan` for each stack, by increasing cost, and for equal cost by
      increasing receptive field.
    """
    shares = {
        rate: valid_fraction(limits.size, limits.kernel, rate)
        for rate in range(1, limits.largest_rate + 1)
    }
    states: dict[tuple[int, int], tuple[float, tuple[int, ...]]]
    states = {(0, 1): (0.0, ())}
    found: list[tuple[int, ...]] = []
    for _ in range(limits.depth):
        states = _longer(states, shares, limits)
        best: dict[int, tuple[float, tuple[int, ...]]] = {}
        for (total, _), choice in states.items():
            best[total] = _better(best.get(total), choice)
        found += [rates for _, rates in best.values()]
    return _front(found, limits)


def _longer(states, shares, limits):
    """Appends one layer to the best stack of each state."""
    longer = {}
    for (total, last), (share, rates) in states.items():
        full = 1 + (limits.kernel - 1) * total
        most = min(full, limits.largest_rate, limits.largest_sum - total)
        for rate in range(last, most + 1):
            key = (total + rate, rate)
            choice = (share + shares[rate], (*rates, rate))
            longer[key] = _better(longer.get(key), choice)
    return longer


def _better(old, new):
    """Returns the choice with more valid taps; ties go to the smaller rates."""
    if old is None or new[0] > old[0] + 1e-12:
        return new
    return new if new[0] > old[0] - 1e-12 and new[1] < old[1] else old


def _front(stacks: Iterable[tuple[int, ...]], limits: PlanLimits) -> list[RatePlan]:
    """Removes the stacks that another one beats, and describes the others."""
    kernel = limits.kernel
    plans = [
        describe(rates, kernel=kernel, size=limits.size)
        for rates in stacks
        if field_size(rates, kernel) >= limits.cells
    ]
    order = lambda plan: (len(plan.rates), -plan.cells, -plan.valid)
    front: list[RatePlan] = []
    for plan in sorted(plans, key=order):
        if not any(
            other.cells >= plan.cells and other.valid >= plan.valid - 1e-12
            for other in front
        ):
            front.append(plan)
    return sorted(front, key=lambda plan: (len(plan.rates), plan.cells))


def exhaustive_plans(
    limits: PlanLimits, *, most: int = MOST_LISTS
) -> list[RatePlan] | None:
    """Finds the Pareto-optimal stacks of layers by trying every list of rates.

    It is meant to check the result of `pareto_plans` for small maps and few layers.

    Args:
      limits: The limits within which stacks are compared.
      most: The largest number of lists to try.

    Returns:
      A list with a `RatePlan` for each stack, in the order of `pareto_plans`, or None
      if there are more than `most` lists of rates.
    """
    if lists_of_rates(limits) > most:
        return None
    rates = range(1, limits.largest_rate + 1)
    every = itertools.chain.from_iterable(
        itertools.combinations_with_replacement(rates, depth)
        for depth in range(1, limits.depth + 1)
    )
    whole = [
        each
        for each in every
        if sum(each) <= limits.largest_sum and hole_free(each, limits.kernel)
    ]
    best: dict[tuple[int, int], tuple[float, tuple[int, ...]]] = {}
    for each in whole:
        share = sum(valid_fraction(limits.size, limits.kernel, r) for r in each)
        key = (len(each), sum(each))
        best[key] = _better(best.get(key), (share, each))
    return _front([each for _, each in best.values()], limits)


def lists_of_rates(limits: PlanLimits) -> int:
    """Returns how many ascending lists of rates are within the limits of the search.

    `exhaustive_plans` tries these lists: all that have at most `depth` rates from 1 to
    the largest rate.
    """
    return sum(
        math.comb(limits.largest_rate + depth - 1, depth)
        for depth in range(1, limits.depth + 1)
    )
