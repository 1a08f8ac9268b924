"""Compares sequences of atrous rates, or networks, with each other."""

from __future__ import annotations

import dataclasses

import tyro

from jaxseg import analysis
from jaxseg.lab import cost_tool, networks
from jaxseg.lab.page import LabReport, Table
from jaxseg.lab.rates_tool import Rates
from jaxseg.lab.stack import is_stack
from jaxseg.lab.studied import StudiedNetwork
from jaxseg.viz import charts
from jaxseg.weights.model_variables import variable_shapes


@dataclasses.dataclass(frozen=True)
class Compare:
    """Compare sequences of atrous rates, or networks, with each other."""

    subjects: tyro.conf.Positional[tuple[str, ...]]
    """Either sequences of atrous rates or names of networks. A sequence is a list such
    as 1,2,5, or 1x2,2x4 with different rates along rows x columns."""
    kernel: int = 3
    """Kernel size of the convolutions with the given rates."""
    size: tuple[int, int] = (512, 512)
    """Height and width in pixels of the image for which the costs of networks are
    computed."""

    def run(self) -> LabReport:
        kinds = {is_stack(name) for name in self.subjects}
        if len(kinds) != 1:
            raise ValueError(
                f"subjects={self.subjects} is invalid: expected either only sequences "
                "of rates or only names of networks."
            )
        if kinds.pop():
            return Rates(self.subjects, self.kernel).run()
        return compare_networks(self.subjects, self.size)


def compare_networks(names: tuple[str, ...], size: tuple[int, int]) -> LabReport:
    """Compares the parameters, costs and receptive fields of several networks.

    Args:
      names: The names of the networks.
      size: Height and width of the image.

    Returns:
      A report with one table row for each network.
    """
    rows = []
    for name in names:
        model = networks.build(StudiedNetwork(name))
        layers = networks.costs_of(model, size)
        held = networks.memory_of(model, size).peak / cost_tool.MIB
        extents, _ = networks.extents_of(model, 1)
        fields = [_field(extents, part) for part in ("backbone/c5", "logits")]
        params = variable_shapes(model)["params"]
        used = {k: v for k, v in params.items() if not k.startswith("aux")}
        macs, moved = (sum(getattr(x, k) for x in layers) for k in ("macs", "moved"))
        written = sum(layer.activations for layer in layers)
        parameters = analysis.count_parameters(used)
        rows.append(
            (
                name,
                parameters,
                2 * macs / 1e9,
                written,
                2 * macs / moved,
                held,
                *fields,
            )
        )
    columns = ("network", "parameters", "GFLOP", "activations", "FLOP / byte")
    columns += ("peak MiB",)
    bars = [
        charts.Bars({"": {r[0]: float(r[i]) for r in rows}}, x=charts.Axis(columns[i]))
        for i in range(1, 6)
    ]
    layout = charts.Layout(columns=2, width=4.5, height=1.0 + 0.3 * len(rows))
    return LabReport(
        f"{len(names)} networks at {size[0]} x {size[1]}",
        command="",
        tables=[
            Table("Side by side", (*columns, "field of c5", "of the logits"), rows)
        ],
        figures={"bars": charts.png(bars, layout)},
    )


def _field(extents, part):
    """Returns the receptive field of an output, or None if it does not exist."""
    return networks.field_cell(extents[part]) if part in extents else None
