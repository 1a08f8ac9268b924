"""Implements `jaxseg data check`, which finds faults in the files of a dataset."""

from __future__ import annotations

import dataclasses
import functools
import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import tyro

from jaxseg.cli.data_options import BOUNDS, parse_target, wrong_usage
from jaxseg.cli.exit_codes import ExitCode
from jaxseg.cli.progress_display import counting
from jaxseg.cli.verbosity import note
from jaxseg.config import DataConfig
from jaxseg.runs.default import DEFAULT
from jaxseg.storage import atomic
from jaxseg.storage.json_file import plain, write_json
from jaxseg.storage.places import check_folder
from jaxseg.text import as_message, counted

PAGE, RESULT = "index.html", "check.json"
LISTED = 3  # Findings of each kind that are printed.


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Check the files of a dataset before training; write an HTML and a JSON report.

    An error is a fault that `jaxseg train` rejects. A warning is a property that
    `jaxseg train` accepts, although it may harm the network or its scores. The exit
    status is 0 for data without errors, 1 for data with errors and 2 for a wrong
    command line. The last printed line says whether `jaxseg train` accepts the data.
    """

    target: Annotated[str | None, tyro.conf.Positional] = None
    """Name of a dataset, a folder of images and masks, or a configuration file. It must
    be the first argument.
    """
    output: Annotated[str, tyro.conf.arg(aliases=["-o"])] = "data_check"
    """Directory for the reports index.html and check.json."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print the JSON report to standard output. The line that says whether `jaxseg
    train` accepts the data is printed to standard error."""
    strict: tyro.conf.FlagCreatePairsOff[bool] = False
    """Also exit with status 1 if there are only warnings."""
    data: DataConfig = DEFAULT.data


def main(argv: list[str]) -> int:
    """Checks the files of one dataset or of `data.mix`; returns the exit status."""
    with wrong_usage():
        arguments = parse(argv)
    command = shlex.join(["jaxseg", "data", "check", *argv])
    check = functools.partial(check_one, arguments, command)
    output = Path(arguments.output)
    if not arguments.data.mix:
        return check(arguments.data, output)
    from jaxseg.cli.data_check_mix import check_members

    with wrong_usage():
        return check_members(arguments.data, check, output)


def check_one(
    arguments: Arguments, command: str, data: DataConfig, folder: Path
) -> int:
    """Checks one dataset, writes and prints its report, and returns the exit status.

    Args:
      arguments: The options of the command.
      command: The command line, which the report shows.
      data: The data options of the dataset.
      folder: The directory of the report.
    """
    # Imported here: the help needs no input pipeline.
    from jaxseg.audit.check import check_data, require_files
    from jaxseg.audit.page import render

    with wrong_usage():
        require_files(data)
        check_folder("output", folder)
    with counting("pair") as progress:
        audit = check_data(data, progress=progress)
    result = audit.to_dict()
    write_json(folder / RESULT, result)
    atomic.write_text(folder / PAGE, render(audit, command=command))
    if arguments.json:
        print(json.dumps(plain(result), indent=2))
        print(as_message(audit.verdict()), file=sys.stderr)
    else:
        for line in lines(result):
            print(as_message(line))
        note(f"page: {folder / PAGE}")
        print(as_message(audit.verdict()))
    failed = result["errors"] or (arguments.strict and result["warnings"])
    return ExitCode.ERROR if failed else ExitCode.SUCCESS


def parse(argv: list[str]) -> Arguments:
    """Parses the command line of `jaxseg data check` into an `Arguments` object."""
    return parse_target(Arguments, argv, prog="jaxseg data check", bounds=BOUNDS)


def lines(result: dict) -> Iterator[str]:
    """Yields lines of text that describe the splits and the faults of a dataset.

    Args:
      result: The content of check.json.
    """
    for split, values in result["splits"].items():
        sizes = list(values["image_sizes"].items())
        words = [f"{count:,} of {size}" for size, count in sizes[:3]]
        words += [f"{len(sizes) - 3} other sizes"] if len(sizes) > 3 else []
        yield f"{split}: {', '.join([counted(values['pairs'], 'pair'), *words])}"
    kinds: dict[str, list[dict]] = {}
    for finding in result["findings"]:
        kinds.setdefault(finding["kind"], []).append(finding)
    for kind, found in kinds.items():
        for finding in found[:LISTED]:
            yield f"{finding['level']} ({kind}): {finding['message']}"
        if len(found) > LISTED:
            yield f"{len(found) - LISTED} more ({kind}) are in {RESULT}"
