"""Implements `jaxseg lab TOOL ...`, which studies atrous rates, gridding and networks.

    jaxseg lab plan --map 65 --output-stride 8 --field 513    proposes atrous rates
    jaxseg lab rates 1,2,5 2,2,2                              detects gridding
    jaxseg lab rates 1x2,2x4                                  rates of rows x columns
    jaxseg lab receptive-field deeplabv3_resnet50 --option output_stride=8
    jaxseg lab erf --callable my_module:network               your own network
    jaxseg lab compare 1,2,5 1,3,9 2,4,8
    jaxseg lab compare fcn8s_vgg16 deeplabv3_resnet50

Each tool writes its figures as PNG files, its numbers to result.json, and a page
index.html that contains the figures and the numbers.
"""

from __future__ import annotations

import dataclasses
import inspect
import shlex
import sys

from jaxseg.cli.arguments import parsed
from jaxseg.cli.exit_codes import ExitCode
from jaxseg.cli.help.layout import tools_usage
from jaxseg.cli.verbosity import only_json
from jaxseg.lab import (
    consistency_tool,
    cost_tool,
    network_tools,
    plan_tool,
    rate_tools,
    rates_tool,
)
from jaxseg.lab.compare import Compare
from jaxseg.lab.page import content, write
from jaxseg.runs.rules import each, optional, some, whole
from jaxseg.storage.places import check_folder
from jaxseg.text import one_of, printable

BOUNDS = {  # the options of all tools
    "base": whole(1, 65_536),
    "channels": whole(1, 65_536),
    "classes": whole(1, 65_535),
    "count": whole(1, 1_000),
    "depth": optional(whole(0, 100)),
    "field": some(whole(1, 65_536)),
    "images": whole(1, 1_000),
    "kernel": whole(1, 99),
    "map": optional(some(whole(1, 65_536))),
    "output_stride": whole(1, 1_024),
    "seed": whole(),
    "shifts": some(whole(1, 65_536)),
    "size": each(whole(1, 65_536)),
    "stride": whole(1, 1_024),
    "strides": each(whole(1, 1_024)),
}
TOOLS = {
    "plan": plan_tool.ProposeRates,
    "rates": rates_tool.Rates,
    "valid-taps": rate_tools.Valid,
    "checkerboard": rate_tools.Checkerboard,
    "receptive-field": network_tools.Field,
    "erf": network_tools.Effective,
    "cost": cost_tool.Cost,
    "consistency": consistency_tool.Consistency,
    "compare": Compare,
}
SHARED = {  # the options of every tool, which are not fields of the dataclasses
    "--out DIR": "Folder for the results. The default is lab/TOOL.",
    "--json": "Print result.json to standard output, and messages to standard error.",
}


def main(argv: list[str]) -> int:
    """Runs the tool that the first argument names, and returns the exit status.

    `--out DIR` sets the output folder, by default lab/TOOL.
    """
    if not argv or argv[0] in ("-h", "--help"):
        print(usage(), file=sys.stdout if argv else sys.stderr)
        return ExitCode.SUCCESS if argv else ExitCode.WRONG_LINE
    name, *rest = argv
    if name not in TOOLS:
        text = f"lab tool={printable(repr(name))} is invalid{one_of(name, TOOLS)}"
        print(f"jaxseg: {text}", file=sys.stderr)
        return ExitCode.WRONG_LINE
    rest, out = _take_out(rest)
    as_json = "--json" in rest
    rest = [word for word in rest if word != "--json"]
    form = TOOLS[name]
    fields = {field.name for field in dataclasses.fields(form)}
    bounds = {key: rule for key, rule in BOUNDS.items() if key in fields}
    tool = parsed(form, rest, prog=f"jaxseg lab {name}", bounds=bounds, more=SHARED)
    with only_json(as_json) as write_document:
        report = tool.run()
        report.command = shlex.join(["jaxseg", "lab", *argv])
        write(report, out or f"lab/{name}")
        write_document(content(report))
    return ExitCode.SUCCESS


def forms() -> dict[str, type]:
    """Returns a dictionary from each tool's name to the dataclass of its options."""
    return dict(TOOLS)


def usage() -> str:
    """Returns the text of `jaxseg lab --help`."""
    rows = {name: inspect.getdoc(form) or "" for name, form in TOOLS.items()}
    return tools_usage("lab", "Study atrous rates, gridding and networks.", rows)


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
            raise ValueError("--out is invalid: expected a directory. Pass --out DIR.")
        check_folder("out", out)
    return rest, out
