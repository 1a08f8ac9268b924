"""Implements the tool of `jaxseg lab` that analyzes given stacks of atrous rates."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import tyro

from jaxseg import analysis
from jaxseg.lab.explorer import explorer_page
from jaxseg.lab.maps import path_map
from jaxseg.lab.page import LabReport, Table
from jaxseg.lab.stack import Stack, parse_stack
from jaxseg.lab.theory import DRAWS, theory_table
from jaxseg.viz import charts

_COLUMNS = ("rates", "field", "touched", "coverage", "evenness", "gap", "M_2")
_COLUMNS += ("M_2 <= K", "no holes", "sigma", "bands")


@dataclasses.dataclass(frozen=True)
class Rates:
    """Analyze the gridding of atrous rates, with path counts and frequency response."""

    plans: tyro.conf.Positional[tuple[str, ...]]
    """One or more stacks of atrous layers. Each stack is a list of rates such as 1,2,5,
    or 1x2,2x4 with different rates along rows x columns."""
    kernel: int = 3
    """Kernel size of the atrous convolutions."""
    map: int | None = None
    """Cells per side of a square feature map. If given, the table also shows the
    fraction of kernel positions that fall on a map of this size and not on its
    padding."""

    def run(self) -> LabReport:
        stacks = [parse_stack(text) for text in self.plans]
        if not stacks:
            raise ValueError(
                "rates=() is invalid: expected one or more lists such as 1,2,5."
            )
        gridding = lambda rates: analysis.gridding_of(rates, self.kernel)
        found = [stack.by_axis(gridding) for stack in stacks]
        rows = [self._row(stack) for stack in stacks]
        columns = [*_COLUMNS, *([] if self.map is None else ["valid taps"])]
        note = (
            f"Measured: mean square of the impulse response of {DRAWS:,} chains with "
            "random weights. Its evenness is too low, because its maximum is that of "
            "noisy values."
        )
        return LabReport(
            f"Stacks of rates, kernel {self.kernel}",
            command="",
            tables=[
                Table("Gridding", columns, rows),
                theory_table(stacks, self.kernel),
            ],
            figures=stack_pictures(stacks, self.kernel),
            data={"gridding": found},
            notes=[note],
            pages={"explore.html": self._explorer(stacks[0])},
        )

    def _row(self, stack: Stack) -> list[Any]:
        """Returns the row of a stack; a tuple has a value for rows and for columns."""
        kernel = self.kernel
        rows, columns = (
            analysis.gridding_of(rates, kernel) for rates in (stack.rows, stack.columns)
        )
        both = lambda name: stack.by_axis(
            lambda rates: getattr(analysis.gridding_of(rates, kernel), name)
        )
        even = [
            analysis.evenness(rates, kernel, axes=1)
            for rates in (stack.rows, stack.columns)
        ]
        covered = rows.touched * columns.touched / (rows.field * columns.field)
        row = [stack.name, both("field"), both("touched"), covered, even[0] * even[1]]
        row += [both("gap"), both("m2"), both("rule")]
        row += [rows.hole_free and columns.hole_free, both("sigma")]
        row.append(stack.by_axis(lambda r: analysis.passband_copies(r, kernel)))
        if self.map is not None:
            pairs = list(zip(stack.rows, stack.columns, strict=True))
            valid = [analysis.valid_fraction(self.map, kernel, p) for p in pairs]
            row.append(sum(valid) / len(valid))
        return row

    def _explorer(self, stack: Stack) -> str:
        words = [",".join(map(str, rates)) for rates in (stack.rows, stack.columns)]
        columns = "" if stack.is_square else words[1]
        size = self.map or 65
        return explorer_page(words[0], columns, kernel=self.kernel, size=size)


def stack_pictures(stacks: Sequence[Stack], kernel: int) -> dict[str, bytes]:
    """Draws the path counts of each stack and the frequency responses of all stacks.

    Returns:
      A dictionary with the bytes of two PNG files: "paths" and "response".
    """
    maps, responses = [], {}
    weights = (1 / kernel,) * kernel
    for stack in stacks:
        counts = [
            analysis.path_counts(rates, kernel) for rates in (stack.rows, stack.columns)
        ]
        maps.append(path_map(*counts, title=f"Rates {stack.name}"))
        axes = {"": stack.rows}
        if not stack.is_square:
            axes = {", rows": stack.rows, ", columns": stack.columns}
        for word, rates in axes.items():
            response = analysis.stack_response(rates, weights)
            responses[stack.name + word] = charts.Line(*response)
    curve = charts.Lines(
        responses,
        x=charts.Axis("frequency [cycles per cell]", limits=(0, 0.5)),
        y=charts.Axis("amplitude of the response", limits=(0, None)),
        title="Frequency response of an averaging stack",
    )
    return {
        "paths": charts.png(maps, charts.Layout(columns=3, width=4, height=3.4)),
        "response": charts.png(curve),
    }
