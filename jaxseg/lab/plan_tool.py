"""Implements the tool of `jaxseg lab` that proposes atrous rates."""

from __future__ import annotations

import dataclasses
from typing import Any

from jaxseg import analysis
from jaxseg.lab.page import LabReport, Table
from jaxseg.lab.rates_tool import stack_pictures
from jaxseg.lab.stack import Stack, square_stack

_COLUMNS = ("rates", "cells", "field", "coverage", "evenness", "valid taps")
_TRADE_OFF = ("rates", "cells", "field", "valid taps", "cost", "evenness")


@dataclasses.dataclass(frozen=True)
class ProposeRates:
    """Find atrous rates that reach a receptive field without gridding."""

    field: tuple[int, ...]
    """Receptive field to reach, in image pixels: one number for a square field, or its
    height and its width. If these differ, the rates along rows and columns can differ
    as well."""
    map: tuple[int, ...] | None = None
    """Height and width, in cells, of the feature map that the atrous layers process:
    one number for both, or two. Rates are at most half of a side."""
    output_stride: int = 8
    """Output stride of the feature map: image pixels per cell."""
    base: int = 1
    """Receptive field, in image pixels, of one cell of the feature map that the atrous
    layers process. With 1, the layers before it are ignored."""
    kernel: int = 3
    """Kernel size of the atrous convolutions."""
    depth: int | None = None
    """Number of atrous layers. By default, the smallest possible number and the next
    two are tried."""
    count: int = 5
    """Largest number of proposals for each number of layers."""

    def run(self) -> LabReport:
        field = _sides("field", self.field)
        size = None if self.map is None else _sides("map", self.map)
        options: dict[str, Any] = {
            "output_stride": self.output_stride,
            "base": self.base,
            "kernel": self.kernel,
            "depth": self.depth,
            "count": self.count,
        }
        if field[0] == field[1] and (size is None or size[0] == size[1]):
            side = None if size is None else size[0]
            plans = analysis.recommend(field[0], size=side, **options)
            return self._square(plans, side)
        pairs = analysis.recommend_axes(field, size=size, **options)
        return self._by_axis(pairs)

    def _square(self, plans: list[analysis.RatePlan], side: int | None) -> LabReport:
        """Reports plans with equal rates along rows and columns."""
        stacks = [square_stack(plan.rates) for plan in plans]
        rows = [_row(stack, plan) for stack, plan in zip(stacks, plans, strict=True)]
        best, report = plans[0], self._report(stacks, rows, data={"plans": plans})
        report.notes.append(
            f"rates {stacks[0].name}: field {best.field} pixels ({best.cells} cells), "
            f"no gridding, evenness {best.evenness:.3g}"
        )
        if side is not None:
            self._add_trade_off(report, side, depth=max(len(p.rates) for p in plans))
        return report

    def _by_axis(self, pairs: list[analysis.AxisPlan]) -> LabReport:
        """Reports plans whose rates differ between rows and columns."""
        stacks = [Stack(pair.rows.rates, pair.columns.rates) for pair in pairs]
        rows = []
        for stack, pair in zip(stacks, pairs, strict=True):
            axes = (pair.rows, pair.columns)
            cells, fields = (
                tuple(getattr(plan, name) for plan in axes)
                for name in ("cells", "field")
            )
            values = (cells, fields, 1.0, pair.evenness, pair.valid)
            rows.append((stack.name, *values))
        report = self._report(stacks, rows, data={"plans": pairs})
        (height, width), best = rows[0][2], pairs[0]
        report.notes.append(
            f"rates {stacks[0].name} (rows x columns): field {height} x {width} "
            f"pixels, no gridding, evenness {best.evenness:.3g}"
        )
        return report

    def _report(self, stacks, rows, *, data) -> LabReport:
        shown = " x ".join(map(str, dict.fromkeys(self.field)))
        report = LabReport(
            f"Rates for a field of {shown} pixels at stride {self.output_stride}",
            "",
            [Table("Plans without holes", _COLUMNS, rows)],
            data=data,
        )
        report.figures = stack_pictures(stacks[:6], self.kernel)
        return report

    def _add_trade_off(self, report: LabReport, side: int, depth: int) -> None:
        """Adds the Pareto-optimal plans, and whether a search of all lists agrees."""
        cells = analysis.needed_cells(
            self.field[0], output_stride=self.output_stride, base=self.base
        )
        limits = analysis.PlanLimits(side, depth, self.kernel, cells)
        plans = analysis.pareto_plans(limits)
        rows = [
            (
                square_stack(plan.rates).name,
                plan.cells,
                self.base + self.output_stride * (plan.cells - 1),
                plan.valid,
                analysis.stack_cost(plan.rates, self.kernel),
                plan.evenness,
            )
            for plan in self._first_of_each_depth(plans)
        ]
        title = "Best trade-offs between field, valid taps and cost"
        report.tables.append(Table(title, _TRADE_OFF, rows))
        report.notes.append(
            f"{len(plans)} plans are Pareto-optimal; the table has the first "
            f"{self.count} of each depth. Cost: multiply-accumulates per cell and pair "
            "of channels."
        )
        report.notes.append(_proof(plans, limits))

    def _first_of_each_depth(self, plans):
        seen: dict[int, int] = {}
        for plan in plans:
            depth = len(plan.rates)
            seen[depth] = seen.get(depth, 0) + 1
            if seen[depth] <= self.count:
                yield plan


def _row(stack: Stack, plan: analysis.RatePlan) -> tuple[Any, ...]:
    values = (plan.cells, plan.field, plan.coverage, plan.evenness, plan.valid)
    return (stack.name, *values)


def _sides(name: str, values: tuple[int, ...]) -> tuple[int, int]:
    """Returns the height and width that one or two numbers state."""
    if len(values) > 2:
        raise ValueError(
            f"{name}={values} is invalid: expected one number, or a height and a width."
        )
    return values[0], values[-1]


def _proof(plans: list[analysis.RatePlan], limits: analysis.PlanLimits) -> str:
    """Returns a sentence that states whether all lists of rates were tried.

    Raises:
      ArithmeticError: If the search of all lists finds other plans.
    """
    lists = analysis.lists_of_rates(limits)
    every = analysis.exhaustive_plans(limits)
    if every is None:
        return (
            f"Not checked by exhaustive search, because there are {lists:,} lists of "
            "rates."
        )
    key = lambda plan: (len(plan.rates), plan.cells, round(plan.valid, 9))
    if [*map(key, every)] != [*map(key, plans)]:
        raise ArithmeticError(
            f"the Pareto-optimal plans for {limits} differ from those of an exhaustive "
            "search. Please report this error."
        )
    return f"An exhaustive search of all {lists:,} lists of rates finds the same plans."
