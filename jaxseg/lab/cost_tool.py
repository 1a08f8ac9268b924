"""Implements the tool of `jaxseg lab` that counts the cost of a network."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from jaxseg import analysis
from jaxseg.lab.networks import build, costs_of, memory_of
from jaxseg.lab.page import LabReport, Table
from jaxseg.lab.studied import StudiedNetwork
from jaxseg.lab.subject import subject_of
from jaxseg.viz import charts
from jaxseg.viz.flame import Flame

MIB = 2**20


@dataclasses.dataclass(frozen=True)
class Cost(StudiedNetwork):
    """Count FLOPs, weights and activations by layer, and estimate the peak memory."""

    size: tuple[int, int] = (512, 512)
    """Height and width of the image in pixels."""
    depth: int = 3
    """Depth of the module tree at which costs are summed; 0 lists every layer."""

    def run(self) -> LabReport:
        layers, needs = self.costs()
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
        tree = Flame(_tree(layers), title=self.title, unit="GFLOP")
        return LabReport(
            f"Cost of {self.title} at {self.size[0]} x {self.size[1]}",
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

    def costs(self) -> tuple[list[analysis.LayerCost], dict[str, Any]]:
        """Returns the cost of each layer, and the estimated peak memory of the network.

        The memory is a dictionary with the keys "inference" and "training". For a
        network of the user, it contains only "inference".
        """
        if self.callable is None:
            model = build(self)
            needs = {
                "inference": memory_of(model, self.size),
                "training": memory_of(model, self.size, train=True),
            }
            return costs_of(model, self.size), needs
        subject = subject_of(self, self.size)
        if subject.opaque:
            raise ValueError(
                f"callable={self.callable!r} is invalid for counting the cost: "
                "expected a network whose operations JAX can see, but this one runs in "
                "PyTorch."
            )
        (fn,) = subject.functions.values()
        image = subject.images(self.size)
        run, weights = analysis.weights_as_arguments(fn, image)
        layers = analysis.layer_costs(run, image, *weights)
        if not layers:
            raise ValueError(
                f"callable={self.callable!r} is invalid: expected a network with "
                "convolutions or matrix products, but none was found."
            )
        return layers, {"inference": analysis.peak_memory(run, image, *weights)}


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
