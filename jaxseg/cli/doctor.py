"""Implements `jaxseg doctor`, which looks for problems of an installation.

Each problem is one line with its remedy. The exit status is 1 if there is a problem,
else 0.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

import tyro

from jaxseg.cli.arguments import parsed
from jaxseg.cli.exit_codes import ExitCode
from jaxseg.cli.verbosity import note, only_json
from jaxseg.health.facts import Facts, collect
from jaxseg.health.problems import Problem, find_problems
from jaxseg.text import as_message, counted


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Check the installation: versions, devices, folders, and a short self-test.

    The exit status is 1 if a problem is found. Each problem is printed on one line with
    its remedy.
    """

    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document instead of text."""
    self_test: bool = True
    """Run small computations with known results, which take at most ten seconds on idle
    cores."""


def main(argv: list[str]) -> int:
    """Prints the state of the installation; the exit status is 1 for a problem."""
    options = parsed(Arguments, argv, prog="jaxseg doctor", bounds={})
    with only_json(options.json) as write:
        facts = collect()
        problems, seconds, slow = find_problems(facts), {}, ""
        if options.self_test and not facts.import_error:
            # Imported here: the facts must be printed if NumPy cannot be imported.
            from jaxseg.health.self_test import delay_note, run_tests

            start, used = time.monotonic(), time.process_time()
            seconds, failed = run_tests()
            slow = delay_note(time.monotonic() - start, time.process_time() - used)
            problems += failed
        show(facts, seconds, problems)
        if slow:
            note(f"note: {slow}")
        write(document(facts, seconds, problems))
    return ExitCode.ERROR if problems else ExitCode.SUCCESS


def show(facts: Facts, seconds: Mapping[str, Any], problems: Sequence[Problem]) -> None:
    """Prints the description of the installation, the self-tests and the problems.

    Args:
      facts: The versions, devices, folders and other properties.
      seconds: A dictionary from the name of each self-test to its duration in seconds,
        or None if it failed.
      problems: The problems, with their remedies.
    """
    found = ", ".join(f"{n} {v}" for n, v in facts.versions.items() if v)
    note(f"versions: {found}")
    note(f"devices: {', '.join(facts.devices) or 'none'}")
    note(f"memory: {facts.memory / 2**30:.1f} GiB")
    for name, folder in facts.folders.items():
        note(
            f"{name}: {folder['path']}, {folder['bytes'] / 1e6:,.1f} MB used, "
            f"{folder['free'] / 1e9:,.1f} GB free"
        )
    for name, value in facts.variables.items():
        note(f"environment: {name}={value}")
    for name, spent in seconds.items():
        note(f"self-test: {name}: {'failed' if spent is None else f'{spent:.1f} s'}")
    for problem in problems:
        print(as_message(f"problem: {problem}"))
    if problems:
        print(f"{counted(len(problems), 'problem')} found")
    else:
        print("No problem was found.")


def document(
    facts: Facts, seconds: Mapping[str, Any], problems: Sequence[Problem]
) -> dict[str, Any]:
    """Returns the dictionary that `jaxseg doctor --json` prints as JSON.

    Its keys are "ok" (whether there is no problem), "problems" (a list), "self_test"
    (the durations of the self-tests) and the names of the fields of `Facts`, such as
    "versions".

    Args:
      facts: The versions, devices, folders and other properties.
      seconds: A dictionary from the name of each self-test to its duration in seconds,
        or None if it failed.
      problems: The problems, with their remedies.
    """
    found = dataclasses.asdict(facts)
    return {
        "ok": not problems,
        "problems": [dataclasses.asdict(problem) for problem in problems],
        **found,
        "self_test": dict(seconds),
    }
