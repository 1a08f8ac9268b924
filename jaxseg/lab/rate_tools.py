"""Implements the tools of `jaxseg lab` that need only atrous rates and kernel sizes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import tyro

from jaxseg import analysis
from jaxseg.analysis.atrous.plans import describe
from jaxseg.lab.explorer import explorer_page
from jaxseg.lab.maps import overlap_map, path_map, spectrum_map
from jaxseg.lab.page import LabReport, Table
from jaxseg.ops.conv import conv
from jaxseg.ops.resize import resize
from jaxseg.ops.shuffle import depth_to_space
from jaxseg.ops.transposed import conv_transpose
from jaxseg.viz import charts


def parse_rates(text: str) -> tuple[int, ...]:
    """Parses atrous rates such as "1,2,5" to a tuple of integers.

    Raises:
      ValueError: If the text is not a list of positive integers.
    """
    try:
        rates = tuple(int(part) for part in text.split(","))
    except ValueError:
        rates = ()
    if not rates or min(rates) < 1:
        raise ValueError(
            f"rates={text!r} is invalid: expected positive integers such as 1,2,5."
        )
    return rates


def is_rates(text: str) -> bool:
    """Returns whether a word is a list of atrous rates such as "1,2,5"."""
    digits = text.replace(",", "")
    return digits.isascii() and digits.isdigit()


def name_of(rates: Sequence[int]) -> str:
    """Formats atrous rates such as (1, 2, 5) as "1,2,5"."""
    return ",".join(map(str, rates))


@dataclasses.dataclass(frozen=True)
class ProposeRates:
    """Find atrous rates that reach a receptive field without gridding."""

    field: int
    """Receptive field to reach, in image pixels."""
    map: int | None = None
    """Cells per side of the square feature map; rates are at most half of this."""
    output_stride: int = 8
    """Output stride of the feature map: image pixels per cell."""
    base: int = 1
    """Receptive field of one cell of the stack's input. With 1, the layers before the
    stack are ignored."""
    kernel: int = 3
    """Kernel size."""
    depth: int | None = None
    """Number of layers. By default, the smallest possible number and the next two are
    tried."""
    count: int = 5
    """Largest number of results for each number of layers."""

    def run(self) -> LabReport:
        plans = analysis.recommend(
            self.field,
            size=self.map,
            output_stride=self.output_stride,
            base=self.base,
            kernel=self.kernel,
            depth=self.depth,
            count=self.count,
        )
        rows = [_plan_row(plan) for plan in plans]
        best = plans[0]
        report = LabReport(
            f"Rates for a field of {self.field} pixels at stride {self.output_stride}",
            "",
            [Table("Plans without holes", _PLAN_COLUMNS, rows)],
            data={"plans": plans},
        )
        report.notes.append(
            f"rates {name_of(best.rates)}: field {best.field} pixels "
            f"({best.cells} cells), no gridding, evenness {best.evenness:.3g}"
        )
        report.figures = _pictures([plan.rates for plan in plans[:6]], self.kernel)
        return report


_PLAN_COLUMNS = ("rates", "cells", "field", "coverage", "evenness", "valid taps")


def _plan_row(plan):
    return (
        name_of(plan.rates),
        plan.cells,
        plan.field,
        plan.coverage,
        plan.evenness,
        plan.valid,
    )


@dataclasses.dataclass(frozen=True)
class Rates:
    """Analyze the gridding of atrous rates, with path counts and frequency response."""

    plans: tyro.conf.Positional[tuple[str, ...]]
    """One or more stacks of atrous layers, each a list of rates such as 1,2,5."""
    kernel: int = 3
    """Kernel size."""
    map: int | None = None
    """Cells per side of a square feature map. If given, the table also shows the share
    of kernel positions that fall on a map of this size and not on its padding."""

    def run(self) -> LabReport:
        plans = [parse_rates(text) for text in self.plans]
        if not plans:
            raise ValueError(
                "rates=() is invalid: expected one or more lists such as 1,2,5."
            )
        rows, found = [], []
        for rates in plans:
            g = analysis.gridding_of(rates, self.kernel)
            valid = describe(rates, kernel=self.kernel, size=self.map).valid
            row = [name_of(rates), g.field, g.touched, g.coverage, g.evenness]
            row += [g.gap, g.m2, g.rule, g.hole_free, g.sigma]
            row.append(analysis.passband_copies(rates, self.kernel))
            rows.append(row if self.map is None else [*row, valid])
            found.append(g)
        columns = ["rates", "field", "touched", "coverage", "evenness", "gap", "M_2"]
        columns += ["M_2 <= K", "no holes", "sigma", "bands"]
        columns += [] if self.map is None else ["valid taps"]
        return LabReport(
            f"Stacks of rates, kernel {self.kernel}",
            command="",
            tables=[Table("Gridding", columns, rows)],
            figures=_pictures(plans, self.kernel),
            data={"gridding": found},
            pages={"explore.html": self._explorer(plans[0])},
        )

    def _explorer(self, rates):
        size = self.map or 65
        return explorer_page(name_of(rates), kernel=self.kernel, size=size)


def _pictures(plans, kernel):
    """Draws the path counts of each plan and the responses of all plans."""
    maps, responses = [], {}
    for rates in plans:
        paths = analysis.path_counts(rates, kernel)
        maps.append(path_map(paths, title=f"Rates {name_of(rates)}"))
        weights = (1 / kernel,) * kernel
        response = analysis.stack_response(rates, weights)
        responses[name_of(rates)] = charts.Line(*response)
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


@dataclasses.dataclass(frozen=True)
class Valid:
    """Count kernel positions on the feature map (arXiv 1706.05587, figure 4)."""

    rates: tyro.conf.Positional[str] = "6,12,18,24,36"
    """Atrous rates such as 6,12,18."""
    map: int = 65
    """Number of cells per side of the square feature map."""
    kernel: int = 3
    """Kernel size."""

    def run(self) -> LabReport:
        rates, size, kernel = parse_rates(self.rates), self.map, self.kernel
        shares = {r: analysis.valid_shares(size, kernel, r) for r in rates}
        taps = sorted({t for share in shares.values() for t in share}, reverse=True)
        rows = [
            (
                r,
                analysis.valid_fraction(size, kernel, r),
                *(shares[r].get(t, 0.0) for t in taps),
            )
            for r in rates
        ]
        columns = ("rate", "mean", *(f"{t} taps" for t in taps))
        line = range(1, size + 8)
        every = [analysis.valid_shares(size, kernel, r) for r in line]
        kinds = sorted({t for share in every for t in share}, reverse=True)[:9]
        shown = {f"{t} taps": [share.get(t, 0) for share in every] for t in kinds}
        curve = charts.Lines(
            {name: charts.Line(line, values) for name, values in shown.items()},
            x=charts.Axis("atrous rate"),
            y=charts.Axis("fraction of positions", limits=(0, None)),
            title=f"Positions by valid taps, map of {size} x {size} cells",
        )
        return LabReport(
            f"Valid taps of a {kernel} x {kernel} kernel on {size} x {size}",
            command="",
            tables=[Table("Share of taps on the map", columns, rows)],
            figures={"valid_taps": charts.png(curve)},
        )


@dataclasses.dataclass(frozen=True)
class Checkerboard:
    """Show the checkerboard artifacts of transposed convolution and upsampling."""

    kernel: int = 3
    """Kernel size of the transposed convolution."""
    stride: int = 2
    """Stride of the transposed convolution, which is the upsampling factor."""
    seed: int = 0
    """Seed of the random weights and inputs."""

    def run(self) -> LabReport:
        phases = analysis.overlap_phases(self.kernel, self.stride)
        rows, maps = [], []
        flat = _enlarged(self.kernel, self.stride, self.seed, flat=True)
        noise = _enlarged(self.kernel, self.stride, self.seed, flat=False)
        for name, made in noise.items():
            energy = analysis.phase_energy(made, self.stride)
            ratio = float(energy.max() / energy.min())
            rows.append((name, analysis.ripple(flat[name]), ratio))
            power = analysis.spectrum(made)
            maps.append(spectrum_map(power, title=name))
        layout = charts.Layout(columns=2, width=4.4, height=3.6)
        summary = (self.kernel, self.stride, phases)
        summary += (analysis.unevenness(self.kernel, self.stride),)
        return LabReport(
            f"Enlarging by {self.stride}, kernel {self.kernel}",
            command="",
            tables=[
                Table(
                    "Overlap of the transposed convolution",
                    ("kernel", "stride", "per phase", "max / min in 2-D"),
                    [summary],
                ),
                Table(
                    "Through random weights, as at initialization",
                    ("way", "ripple of a flat image", "noise: max / min by phase"),
                    rows,
                ),
            ],
            figures={
                "overlap": charts.png(overlap_map(phases)),
                "spectra": charts.png(maps, layout),
            },
        )


def _enlarged(kernel, stride, seed, *, flat):
    """Enlarges noise or a flat image in four ways by random weights; crops borders."""
    random = np.random.default_rng(seed)

    def normal(*shape):
        return random.normal(size=shape).astype(np.float32)

    x = normal(4, 1, 1, 8).repeat(32, 1).repeat(32, 2) if flat else normal(4, 32, 32, 8)
    large = tuple(n * stride for n in x.shape[1:3])
    blocks = conv(x, normal(3, 3, 8, 16 * stride**2), padding=1)
    made = {
        "transposed": conv_transpose(
            x, normal(kernel, kernel, 8, 16), stride=stride, impl="lax"
        ),
        "nearest + 3x3": conv(
            resize(x, large, method="nearest"), normal(3, 3, 8, 16), padding=1
        ),
        "bilinear + 3x3": conv(resize(x, large), normal(3, 3, 8, 16), padding=1),
        "sub-pixel": depth_to_space(blocks, stride),
    }
    edge = 2 * max(kernel, stride) // stride * stride
    return {k: np.asarray(v)[:, edge:-edge, edge:-edge] for k, v in made.items()}
