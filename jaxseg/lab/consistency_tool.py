"""Implements the tool of `jaxseg lab` that compares predictions for shifted images."""

from __future__ import annotations

import dataclasses
import inspect

import numpy as np

from jaxseg import analysis
from jaxseg.lab.networks import build, features, noise, weights_of
from jaxseg.lab.page import LabReport, Table
from jaxseg.lab.studied import StudiedNetwork
from jaxseg.lab.subject import subject_of
from jaxseg.models import MODELS
from jaxseg.viz import charts


@dataclasses.dataclass(frozen=True)
class Consistency(StudiedNetwork):
    """Measure how predictions change with image shifts and with the output stride."""

    size: tuple[int, int] = (129, 129)
    """Height and width of the crops in pixels."""
    shifts: tuple[int, ...] = (1, 2, 4, 8, 16)
    """Distances in pixels by which crops are shifted down and to the right."""
    strides: tuple[int, ...] = (8, 16, 32)
    """Output strides to compare, if the network has the option output_stride."""

    def run(self) -> LabReport:
        room = max(self.shifts)
        subject = subject_of(self, self.size)
        image = noise(self, 1, tuple(n + room for n in self.size))
        rows, grids = [], []
        for name, fn in subject.functions.items():
            shifts = analysis.shift_consistency(
                fn, image, [(s, s) for s in self.shifts], size=self.size
            )
            rows += [(name, s.offset[0], s.agreement, s.change) for s in shifts]
            logits = np.asarray(fn(image[:, : self.size[0], : self.size[1]]))
            grid = [analysis.grid_energy(logits, s) for s in (2, 4, 8)]
            grids.append((name, *grid))
        tables = [
            Table(
                "Two crops, the same pixels",
                ("weights", "shift", "same class", "rms change"),
                rows,
            ),
            Table(
                "Power of the logits on a grid, over that of noise",
                ("weights", "period 2", "period 4", "period 8"),
                grids,
            ),
        ]
        preset = MODELS.get(self.name)  # A family on a backbone always has strides.
        if self.callable is None and (
            not preset or "output_stride" in inspect.signature(preset).parameters
        ):
            tables.append(self.stride_table(image[:, : self.size[0], : self.size[1]]))
        curves = {
            name: charts.Line(
                *zip(*[(r[1], r[2]) for r in rows if r[0] == name], strict=True)
            )
            for name in dict.fromkeys(r[0] for r in rows)
        }
        chart = charts.Lines(
            curves,
            x=charts.Axis("shift [pixel]"),
            y=charts.Axis("fraction of pixels with the same class"),
            title="Pixels that keep their class",
        )
        return LabReport(
            f"Consistency of {self.title}",
            command="",
            tables=tables,
            figures={"shift": charts.png(chart)},
        )

    def stride_table(self, image: np.ndarray) -> Table:
        """Returns a table of how much backbone features differ between output strides.

        There is a row for each pair of output strides and each set of weights. It
        states the largest absolute difference, divided by the standard deviation of the
        features at the larger output stride.

        Args:
          image: The input, float32 [1, H, W, C].
        """
        variables = weights_of(self, build(self))
        rows = []
        for name, weights in variables.items():
            fns = {
                s: features(build(self, output_stride=s), weights) for s in self.strides
            }
            gaps = analysis.output_stride_gaps(fns, image)
            rows += [(name, fine, coarse, gap) for (fine, coarse), gap in gaps.items()]
        return Table(
            "Backbone features, dense against strided",
            ("weights", "stride", "stride", "max difference / spread"),
            rows,
        )
