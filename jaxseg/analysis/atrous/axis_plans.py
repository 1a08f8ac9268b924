"""Searches for stacks of atrous layers with separate vertical and horizontal rates.

Such stacks suit networks whose receptive field must be wider than high, such as those
for street scenes. The coverage of a stack is the share of the pixels in its receptive
field that an output reads, and the evenness says how uniformly it reads them. Both are
products of a vertical and a horizontal factor, so the best rates of each axis give the
best stack.
"""

from __future__ import annotations

import dataclasses

from jaxseg.analysis.atrous.gridding import evenness, minimal_depth
from jaxseg.analysis.atrous.plans import RatePlan, describe, needed_cells, search
from jaxseg.analysis.atrous.valid_taps import valid_fraction


@dataclasses.dataclass(frozen=True)
class AxisPlan:
    """Describes a stack of atrous layers with vertical and horizontal rates.

    Attributes:
      rows: The vertical rates and the height of the receptive field, as a `RatePlan`.
        `rows.valid` is the share of valid kernel positions along the vertical axis
        alone.
      columns: The `RatePlan` of the horizontal rates and the width of the field.
      evenness: The mean of the path counts over the receptive field, divided by their
        maximum. The path count of a pixel is the number of paths from it through the
        layers to an output.
      valid: The share of kernel positions that fall on the feature map and not on its
        padding, averaged over the layers. It is 1 if the size of the map is not given.
    """

    rows: RatePlan
    columns: RatePlan
    evenness: float
    valid: float

    @property
    def rates(self) -> tuple[tuple[int, int], ...]:
        """Returns for each layer a pair: its vertical and its horizontal rate."""
        return tuple(zip(self.rows.rates, self.columns.rates, strict=True))


def recommend_axes(
    field: tuple[int, int],
    *,
    size: tuple[int, int] | None = None,
    output_stride: int = 1,
    base: int = 1,
    kernel: int = 3,
    depth: int | None = None,
    count: int = 5,
    excess: float = 1.3,
) -> list[AxisPlan]:
    """Finds stacks of atrous layers whose field has at least a given height and width.

    The stacks have no holes: an output reads every pixel inside its receptive field.

    Args:
      field: The smallest height and width of the receptive field, in image pixels.
      size: Height and width of the feature map in cells. Vertical rates are then at
        most half of its height, and horizontal rates at most half of its width.
      output_stride: Image pixels per cell.
      base: The receptive field of one cell of the stack's input, in image pixels.
      kernel: The kernel size.
      depth: Number of layers. None tries the smallest possible number and the next two.
      count: The largest number of plans for each depth.
      excess: The largest allowed height and width of the receptive field, each as a
        multiple of its smallest allowed value.

    Returns:
      A list of `AxisPlan`, one for each stack, in order of depth. Among plans of equal
      depth, the one with the largest evenness comes first.

    Raises:
      ValueError: If no plan qualifies. The message names the smallest possible depth.
    """
    cells = [needed_cells(f, output_stride=output_stride, base=base) for f in field]
    fewest = max(1, *(minimal_depth(number, kernel) for number in cells))
    depths = range(fewest, fewest + 3) if depth is None else (depth,)
    limits = (None, None) if size is None else tuple(max(1, side // 2) for side in size)
    plans: list[AxisPlan] = []
    for layers in depths:
        rows, columns = (
            search(number, depth=layers, kernel=kernel, max_rate=limit, excess=excess)
            for number, limit in zip(cells, limits, strict=True)
        )
        found = [
            _plan(
                r, c, size=size, kernel=kernel, output_stride=output_stride, base=base
            )
            for r in rows[:count]
            for c in columns[:count]
        ]
        order = lambda plan: (-round(plan.evenness, 12), plan.rates)
        plans += sorted(found, key=order)[:count]
    if not plans:
        raise ValueError(
            f"field={field}, depth={depth} is invalid: expected enough layers (depth) "
            f"to read {cells[0]} x {cells[1]} positions without holes. The smallest "
            f"depth with kernel size {kernel} is {fewest}."
        )
    return plans


def _plan(rows, columns, *, size, kernel, output_stride, base):
    axes, one = [], [1.0] * len(rows)
    shares = [one, one]
    for axis, rates in enumerate((rows, columns)):
        plan = describe(rates, kernel=kernel, output_stride=output_stride, base=base)
        if size is not None:
            # A square map has the product of two equal shares, one for each axis.
            shares[axis] = [valid_fraction(size[axis], kernel, r) ** 0.5 for r in rates]
            plan = dataclasses.replace(plan, valid=sum(shares[axis]) / len(rates))
        axes.append(plan)
    products = [a * b for a, b in zip(*shares, strict=True)]
    even = evenness(rows, kernel, axes=1) * evenness(columns, kernel, axes=1)
    return AxisPlan(*axes, evenness=even, valid=sum(products) / len(products))
