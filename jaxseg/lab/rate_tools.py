"""Implements two tools of `jaxseg lab`, for atrous kernels and for upsampling.

One tool counts the kernel positions (taps) that lie on the feature map and not on its
padding. The other one shows the checkerboard artifacts of upsampling.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import tyro

from jaxseg import analysis
from jaxseg.lab.maps import overlap_map, spectrum_map
from jaxseg.lab.page import LabReport, Table
from jaxseg.lab.stack import parse_stack
from jaxseg.ops.conv import conv
from jaxseg.ops.resize import resize
from jaxseg.ops.shuffle import depth_to_space
from jaxseg.ops.transposed import conv_transpose
from jaxseg.viz import charts


@dataclasses.dataclass(frozen=True)
class Valid:
    """Count the kernel positions that lie on the feature map, not on its padding."""

    rates: tyro.conf.Positional[str] = "6,12,18,24,36"
    """Atrous rates such as 6,12,18."""
    map: int = 65
    """Number of cells per side of the square feature map."""
    kernel: int = 3
    """Kernel size of the atrous convolutions."""

    def run(self) -> LabReport:
        rates, size, kernel = _rates(self.rates), self.map, self.kernel
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


def _rates(text: str) -> tuple[int, ...]:
    """Parses rates that are equal along rows and columns."""
    stack = parse_stack(text)
    if not stack.is_square:
        raise ValueError(
            f"rates={text!r} is invalid: expected positive integers such as 6,12,18."
        )
    return stack.rows


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
