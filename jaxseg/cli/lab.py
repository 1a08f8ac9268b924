"""Implements `jaxseg lab TOOL ...`, which studies atrous rates, gridding and networks.

    jaxseg lab plan --map 65 --output-stride 8 --field 513    proposes atrous rates
    jaxseg lab rates 1,2,5 2,2,2                              detects gridding
    jaxseg lab receptive-field deeplabv3_resnet50 --option output_stride=8
    jaxseg lab compare 1,2,5 1,3,9 2,4,8
    jaxseg lab compare fcn8s_vgg16 deeplabv3_resnet50

Each tool writes its figures as PNG files, its numbers to result.json, and a page
index.html that contains the figures and the numbers.
"""

from __future__ import annotations

import dataclasses
import shlex

import tyro

from jaxseg import analysis
from jaxseg.cli.arguments import one_line
from jaxseg.lab import network_tools, networks, rate_tools
from jaxseg.lab.page import Report, Table, write
from jaxseg.runs.directory import variable_shapes
from jaxseg.runs.rules import check_bounds, each, optional, some, whole
from jaxseg.storage.places import check_folder
from jaxseg.viz import figures


@dataclasses.dataclass(frozen=True)
class Compare:
    """Compare sequences of atrous rates, or networks, with each other."""

    subjects: tyro.conf.Positional[tuple[str, ...]]
    """Sequences of atrous rates such as 1,2,5, or names of networks."""
    kernel: int = 3
    """Kernel size of the convolutions with the given rates."""
    size: tuple[int, int] = (512, 512)
    """Height and width in pixels of the image for which the costs of networks are
    computed."""

    def run(self) -> Report:
        kinds = {rate_tools.is_rates(name) for name in self.subjects}
        if len(kinds) != 1:
            raise ValueError(
                f"subjects={self.subjects} is invalid: expected rate plans or "
                "networks, not both."
            )
        if kinds.pop():
            return rate_tools.Rates(self.subjects, self.kernel).run()
        return compare_networks(self.subjects, self.size)


def compare_networks(names: tuple[str, ...], size: tuple[int, int]) -> Report:
    """Compares parameters, costs, activations and receptive fields of networks."""
    rows = []
    for name in names:
        model = networks.build(networks.Network(name))
        layers = networks.costs_of(model, size)
        held = networks.memory_of(model, size).peak / network_tools.MIB
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
    charts = [
        figures.bars({r[0]: float(r[i]) for r in rows}, title=columns[i], width=400)
        for i in range(1, 6)
    ]
    return Report(
        f"{len(names)} networks at {size[0]} x {size[1]}",
        command="",
        tables=[
            Table("Side by side", (*columns, "field of c5", "of the logits"), rows)
        ],
        figures={"bars": figures.beside(charts, 2)},
    )


def _field(extents, part):
    """Returns the receptive field of an output, or None if it does not exist."""
    return networks.field_cell(extents[part]) if part in extents else None


BOUNDS = {  # the options of all tools
    "base": whole(1, 65_536),
    "classes": whole(1, 65_535),
    "count": whole(1, 1_000),
    "depth": optional(whole(0, 100)),
    "field": whole(1, 65_536),
    "images": whole(1, 1_000),
    "kernel": whole(1, 99),
    "map": optional(whole(1, 65_536)),
    "output_stride": whole(1, 1_024),
    "seed": whole(),
    "shifts": some(whole(1, 65_536)),
    "size": each(whole(1, 65_536)),
    "stride": whole(1, 1_024),
    "strides": each(whole(1, 1_024)),
}
TOOLS = {
    "plan": rate_tools.Plan,
    "rates": rate_tools.Rates,
    "valid-taps": rate_tools.Valid,
    "checkerboard": rate_tools.Checkerboard,
    "receptive-field": network_tools.Field,
    "erf": network_tools.Effective,
    "cost": network_tools.Cost,
    "consistency": network_tools.Consistency,
    "compare": Compare,
}


def main(argv: list[str]) -> int:
    """Runs one tool; `--out DIR` sets the output folder (default lab/TOOL)."""
    rest, out = _take_out(argv)
    with one_line("jaxseg lab"):
        tool = tyro.extras.subcommand_cli_from_dict(TOOLS, args=rest, prog="jaxseg lab")
    check_bounds(tool, {k: rule for k, rule in BOUNDS.items() if hasattr(tool, k)})
    report = tool.run()
    report.command = shlex.join(["jaxseg", "lab", *argv])
    write(report, out or f"lab/{rest[0]}")
    return 0


def _take_out(argv: list[str]) -> tuple[list[str], str | None]:
    """Splits `--out DIR` off the arguments."""
    rest, out, words = [], None, iter(argv)
    for word in words:
        name, sign, value = word.partition("=")
        if name != "--out":
            rest.append(word)
            continue
        out = value if sign else next(words, None)
        if not out:
            raise ValueError("--out is invalid: expected a directory.")
        check_folder("out", out)
    return rest, out
