"""Implements the tools of `jaxseg lab` that analyze a network.

They show receptive fields, costs, gridding and consistency under shifts.
"""

from __future__ import annotations

import dataclasses
import inspect

import numpy as np

from jaxseg import analysis
from jaxseg.lab.maps import effective_field_map
from jaxseg.lab.networks import (
    StudiedNetwork,
    build,
    costs_of,
    extents_of,
    features,
    field_cell,
    memory_of,
    noise,
    theoretical,
    weights_of,
)
from jaxseg.lab.page import LabReport, Table
from jaxseg.models import MODELS
from jaxseg.viz import charts
from jaxseg.viz.flame import Flame

MIB = 2**20


@dataclasses.dataclass(frozen=True)
class Field(StudiedNetwork):
    """Find the theoretical receptive field of every module from shapes alone."""

    depth: int = 1
    """Levels of the module tree to list; 1 lists only the top-level modules."""

    def run(self) -> LabReport:
        extents, found = extents_of(build(self), self.depth)
        rows = []
        for name, extent in extents.items():
            cell = field_cell(extent)
            rows.append((name, cell, extent.jump, extent.touched, extent.coverage))
        loose = sorted({p for reach in found.values() for p in reach.loose})
        report = LabReport(
            f"Receptive fields of {self.name}",
            "",
            [
                Table(
                    "Along the rows, in image pixels",
                    ("output", "field", "jump", "touched", "share touched"),
                    rows,
                )
            ],
            data={"extents": extents},
        )
        if loose:
            report.notes.append(f"upper bounds: no exact rule for {', '.join(loose)}")
        sizes = {n: float(e.size) for n, e in extents.items()}
        unit = charts.Axis("receptive field [image pixels]")
        bars, layout = (
            charts.Bars({"": sizes}, x=unit),
            charts.Layout.of_rows(len(sizes)),
        )
        report.figures["fields"] = charts.png(bars, layout)
        return report


@dataclasses.dataclass(frozen=True)
class Effective(StudiedNetwork):
    """Measure the effective receptive field, with random or trained weights."""

    size: tuple[int, int] = (193, 193)
    """Height and width of the inputs."""
    images: int = 4
    """Number of random inputs to average over."""

    def run(self) -> LabReport:
        model = build(self)
        inputs = noise(self, self.images, self.size)
        rows, pictures, data = [], [], {}
        field = theoretical(model, self.size)
        for name, variables in weights_of(self, model).items():
            fn = lambda x, v=variables: model.apply(v, x, train=False)["logits"]
            found = analysis.effective_field(fn, inputs)
            fit = analysis.gaussian_fit(found)
            share = analysis.effective_share(found, field)
            rows.append((name, *fit.sigma, fit.fit, share))
            data[name] = found
            pictures.append(effective_field_map(found, title=f"{name} weights"))
        columns = ("weights", "sigma rows", "sigma columns", "Gaussian fit")
        layout = charts.Layout(columns=2, width=4.6, height=3.8)
        return LabReport(
            f"Effective receptive field of {self.name}",
            command="",
            tables=[Table("Mean squared gradient", (*columns, "area / field"), rows)],
            figures={"effective_field": charts.png(pictures, layout)},
            data={"fields": data, "theoretical_field": field},
        )


@dataclasses.dataclass(frozen=True)
class Cost(StudiedNetwork):
    """Count FLOPs, weights and activations by layer, and estimate the peak memory."""

    size: tuple[int, int] = (512, 512)
    """Height and width of the image."""
    depth: int = 3
    """Depth of the module tree at which costs are summed; 0 lists every layer."""

    def run(self) -> LabReport:
        model = build(self)
        layers = costs_of(model, self.size)
        depth = self.depth or max(layer.name.count("/") for layer in layers) + 1
        groups = analysis.grouped(layers, depth)
        total = sum(layer.macs for layer in layers)
        rows = [_cost_row(g, total) for g in groups]
        whole = analysis.grouped(
            [dataclasses.replace(g, name="all") for g in groups], 1
        )
        rows += [_cost_row(g, total) for g in whole]
        columns = ("layer", "output", "GFLOP", "share", "weights", "activations")
        ordered = sorted(groups, key=lambda g: -g.macs)[:40]
        costs = {g.name: g.flops / 1e9 for g in ordered}
        bars = charts.Bars({"": costs}, x=charts.Axis("cost [GFLOP]"))
        tree = Flame(_tree(layers), title=self.name, unit="GFLOP")
        needs = {
            "inference": memory_of(model, self.size),
            "training": memory_of(model, self.size, train=True),
        }
        return LabReport(
            f"Cost of {self.name} at {self.size[0]} x {self.size[1]}",
            command="",
            tables=[
                Table("By layer", (*columns, "FLOP / byte"), rows),
                _memory_table(needs),
            ],
            figures={
                "flame": charts.png(tree, tree.layout),
                "gflop": charts.png(bars, charts.Layout.of_rows(len(costs), width=8)),
                "memory": charts.png(_memory_curve(needs)),
            },
            data={"layers": layers, "memory": needs},
        )


def _tree(layers):
    """Sums GFLOP by name, without the network's own name at the start."""
    costs = {}
    for layer in layers:
        name = layer.name.partition("/")[2] or layer.name
        costs[name] = costs.get(name, 0.0) + layer.flops / 1e9
    return costs


def _memory_table(needs):
    rows = [
        (name, m.peak / MIB, m.at, m.arguments / MIB, m.outputs / MIB)
        for name, m in needs.items()
    ]
    columns = ("one image", "peak", "where", "arguments", "results")
    return Table("Memory held at a time, MiB without the arguments", columns, rows)


def _memory_curve(needs):
    """Draws the memory that is held over the course of a call."""
    series = {
        name: charts.Line(
            np.linspace(0, 100, len(m.held)), [size / MIB for _, size in m.held]
        )
        for name, m in needs.items()
    }
    return charts.Lines(
        series,
        x=charts.Axis("part of the program that has run [%]"),
        y=charts.Axis("memory [MiB]", limits=(0, None)),
        title="Memory of one image, without the arguments",
    )


def _cost_row(layer, total):
    shape = "x".join(map(str, layer.shape[1:]))
    share = layer.macs / total
    return (
        layer.name,
        shape,
        layer.flops / 1e9,
        share,
        layer.weights,
        layer.activations,
        layer.intensity,
    )


@dataclasses.dataclass(frozen=True)
class Consistency(StudiedNetwork):
    """Measure how predictions change with image shifts and with the output stride."""

    size: tuple[int, int] = (129, 129)
    """Height and width of the crops."""
    shifts: tuple[int, ...] = (1, 2, 4, 8, 16)
    """Distances in pixels by which crops are shifted down and to the right."""
    strides: tuple[int, ...] = (8, 16, 32)
    """Output strides to compare, if the network has the option output_stride."""

    def run(self) -> LabReport:
        model = build(self)
        room = max(self.shifts)
        image = noise(self, 1, tuple(n + room for n in self.size))
        rows, grids = [], []
        for name, variables in weights_of(self, model).items():
            fn = lambda x, v=variables: model.apply(v, x, train=False)["logits"]
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
        if not preset or "output_stride" in inspect.signature(preset).parameters:
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
            f"Consistency of {self.name}",
            command="",
            tables=tables,
            figures={"shift": charts.png(chart)},
        )

    def stride_table(self, image: np.ndarray) -> Table:
        """Returns a table of how much backbone features differ between output strides.

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
