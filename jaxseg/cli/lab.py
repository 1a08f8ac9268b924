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

import shlex

import tyro

from jaxseg.cli.arguments import one_line
from jaxseg.lab import network_tools, rate_tools
from jaxseg.lab.compare import Compare
from jaxseg.lab.page import write
from jaxseg.runs.rules import check_bounds, each, optional, some, whole
from jaxseg.storage.places import check_folder

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
    "plan": rate_tools.ProposeRates,
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
    """Runs the tool that the first argument names, and returns the exit status.

    `--out DIR` sets the output folder, by default lab/TOOL.
    """
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
