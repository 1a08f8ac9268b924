"""Implements `jaxseg plan --decide`, which chooses options that fit into memory."""

from __future__ import annotations

import shlex
import sys
from typing import Any

import jax

from jaxseg.cli.exit_codes import ExitCode
from jaxseg.cli.verbosity import note, only_json
from jaxseg.config import Config
from jaxseg.plan.decide import Decision, decide
from jaxseg.plan.decision_text import decision_text, in_words
from jaxseg.plan.program_cache import default_cache
from jaxseg.plan.report import size
from jaxseg.plan.setting import FIELDS, Setting
from jaxseg.plan.topology import Slice, described
from jaxseg.runs import default
from jaxseg.runs.byte_size import parse_bytes
from jaxseg.runs.config_file import file_of, load_config
from jaxseg.runs.rules import invalid
from jaxseg.runs.serialize import to_dict
from jaxseg.storage.json_file import append_line

STDOUT = "-"  # the value of --json that means standard output
OPTIONS = ("topology", "batch", "space", "search", "alternatives", "decide")
OPTIONS += ("no-search", "json", "program", "train.memory", "train.memory-changes")


def decide_options(
    config: Config, topology: str, argv: list[str], json: str | None
) -> int:
    """Chooses the options of a training step, and prints why others were rejected.

    Args:
      config: The configuration, with the options of the command line.
      topology: The devices for which the options are chosen, such as "v5e:16x16", or
        "local" for those of this machine.
      argv: The command line of `jaxseg plan`.
      json: The file to which the decision is appended, "-" for standard output, or
        None.

    Returns:
      The exit status, which is 3 if no choice of the options fits into the memory.
    """
    if topology != "local":
        jax.config.update("jax_platforms", "cpu")  # The plan needs no accelerator.
    target = described(topology)
    with only_json(json == STDOUT) as write:
        decision = decide(
            config,
            target,
            memory_of(config, target),
            cache=default_cache(),
            report=_report,
        )
        print(f"{config.model.title}, {target.name}")
        print(decision_text(decision, len(target.devices)))
        words = command(argv, decision)
        if words is not None:
            print(f"\n{words}", flush=True)
        facts = _facts(config, target, decision) | {"command": words}
        write(facts)
    if json not in (None, STDOUT):
        append_line(json, facts)
    fits = decision.chosen is not None
    return ExitCode.SUCCESS if fits else ExitCode.DOES_NOT_FIT


def memory_of(config: Config, target: Slice) -> int:
    """Returns the memory of one device in bytes.

    It is `train.memory` if this option is set, else the usable memory of the chip.

    Raises:
      ValueError: If neither is known.
    """
    if config.train.memory is not None:
        return parse_bytes(config.train.memory, name="train.memory")
    if target.chip is None:
        expected = (
            f"a size such as 16GiB, because the memory of {target.name} is unknown"
        )
        raise ValueError(invalid("train.memory", None, expected))
    return int(target.chip.usable)


def command(argv: list[str], decision: Decision) -> str | None:
    """Returns the command that trains with the chosen options, or None if none fits.

    Args:
      argv: The command line of `jaxseg plan`. Its options for the configuration are
        kept, except those that `decision` sets.
      decision: The result of the search, whose field `chosen` contains the chosen
        options, or None if no options fit.
    """
    if decision.chosen is None:
        return None
    decided = {f"train.{name.replace('_', '-')}" for name in FIELDS}
    kept: list[str] = []
    keep = True
    for word in argv:
        if word.startswith("--"):
            name = word.removeprefix("--").partition("=")[0].replace("_", "-")
            keep = name not in decided and name not in OPTIONS
        if keep:
            kept.append(word)
    path = file_of(argv)
    base = load_config(path) if path else default.DEFAULT
    options = decision.chosen.options(base.train)
    return shlex.join(["jaxseg", "train", *kept, *options])


def _report(setting: Setting, needs: float) -> None:
    note(f"compiled: {in_words(setting)}: {size(needs)}", file=sys.stderr)


def _facts(config: Config, target: Slice, decision: Decision) -> dict[str, Any]:
    about = {"config": to_dict(config), "topology": target.name}
    about |= {"jax": jax.__version__, "devices": len(target.devices)}
    return about | {"decision": decision.as_json()}
