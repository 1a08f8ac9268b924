"""Implements `jaxseg plan`, which estimates the cost of training on a TPU slice.

    jaxseg plan [CONFIG.py] --topology v5e:16x16 [--batch N] [--optim.name sgd ...]
    jaxseg plan [CONFIG.py] --topology v5e:16x16 --decide [--train.memory 14GiB]

The command compiles the training step of a configuration for the given slice, and
reports the memory, the floating-point operations, the communication between the
devices and the time of a step. Neither the slice nor the dataset needs to be available.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import Annotated, Any

import jax
import tyro

from jaxseg.cli.arguments import parsed
from jaxseg.cli.deciding import STDOUT, decide_options
from jaxseg.cli.exit_codes import ExitCode
from jaxseg.cli.verbosity import note, only_json
from jaxseg.config import Config
from jaxseg.data.datasets.listing import listing
from jaxseg.plan.compile import compiled, step_flops
from jaxseg.plan.image_pixels import in_title
from jaxseg.plan.program import Program
from jaxseg.plan.report import comparison, figures, fits, text
from jaxseg.plan.search import alternatives, image_devices, in_words, search
from jaxseg.plan.topology import Slice, described
from jaxseg.runs import default, rules
from jaxseg.runs.config_file import (
    check_first,
    chosen,
    config_name,
    file_of,
    load_config,
    overridden,
    take_options,
)
from jaxseg.runs.rules import optional, whole
from jaxseg.runs.serialize import to_dict
from jaxseg.storage import atomic
from jaxseg.storage.json_file import append_line
from jaxseg.tasks.checks import check
from jaxseg.tasks.table import task_of

BOUNDS = {
    "topology": rules.text(),
    "batch": optional(whole(1)),
    "space": optional(whole(1)),
    "json": optional(rules.text()),
    "program": optional(rules.text()),
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Estimate what a configuration needs on a TPU slice that you do not have.

    The configuration options are those of `jaxseg train`.
    """

    config: Annotated[str | None, tyro.conf.Positional] = None
    """Python file that defines `config = Config(...)`. Write it as the first
    argument."""
    topology: str = "v5e:16x16"
    """TPU slice, such as v5e:16x16 or v4:4x4x8. 'local' selects the devices of this
    computer, and cpu:8 selects eight simulated devices."""
    batch: int | None = None
    """Number of images per step on all devices. The default is train.batch_size."""
    space: int | None = None
    """Number of devices over which the rows of an image are sharded. The default is
    train.spatial_shards."""
    search: tyro.conf.FlagCreatePairsOff[bool] = True
    """Search for the largest batch that fits into memory. The search takes two or three
    compilations."""
    alternatives: tyro.conf.FlagCreatePairsOff[bool] = False
    """Also compile the step with several changes that save memory or time, one change
    at a time, such as bfloat16 or rematerialization. Each compilation takes minutes."""
    decide: tyro.conf.FlagCreatePairsOff[bool] = False
    """Choose the options with which the step is fastest and fits into memory. The
    memory is --train.memory, or that of the chip if this option is not set. The command
    prints why each alternative was rejected. The batch size is kept unless
    --train.memory-changes allows another one."""
    json: str | None = None
    """File to which all numbers are appended as one line of JSON. --json without a file
    prints them to standard output instead, and the messages to standard error."""
    program: str | None = None
    """File to which the text of the compiled program is written."""
    run: Annotated[Config, tyro.conf.arg(name="")] = default.DEFAULT


def main(argv: list[str]) -> int:
    """Prints the estimated cost of a training step on a TPU slice.

    The exit status is 3 if the step does not fit into memory, else 0.
    """
    arguments = parse(argv)
    if arguments.decide:
        return decide_options(arguments.run, arguments.topology, argv, arguments.json)
    with only_json(arguments.json == STDOUT) as write:
        facts, status = estimate(arguments)
        write(facts)
    if arguments.json not in (None, STDOUT):
        append_line(arguments.json, facts)
    return status


def estimate(arguments: Arguments) -> tuple[dict[str, Any], int]:
    """Compiles the training step, and prints what it needs.

    Args:
      arguments: The options of the command.

    Returns:
      A pair. The first value is a dictionary that contains all printed numbers and the
      configuration. The second value is the exit status.
    """
    if arguments.topology != "local":
        jax.config.update("jax_platforms", "cpu")  # The plan needs no accelerator.
    config, target = arguments.run, described(arguments.topology)
    name = config_name(arguments.config) if arguments.config else default.NAME
    title = f"{name}: {config.model.title}, {config.train.dtype}, images of "
    title += f"{config.data.crop[0]} x {config.data.crop[1]}"
    title += f"{in_title(config.data, task_of(config).kind)}, {target.name}"
    program = _compiled(config, target)
    facts = figures(program, target, step_flops(config))
    if arguments.program:
        atomic.write_text(arguments.program, program.text)
    print(text(facts, f"{title}, {facts['batch']} images a step"), flush=True)
    if arguments.search and target.chip:
        facts["largest"] = largest(config, target)
        print(f"\nlargest batch: {facts['largest']['words']}", flush=True)
    if arguments.alternatives:
        facts["alternatives"] = rows = compare(config, target)
        print(f"\n{comparison(facts, rows)}")
    about = {"config": to_dict(config), "topology": target.name, "name": name}
    about |= {"jax": jax.__version__, "devices": len(target.devices)}
    status = ExitCode.DOES_NOT_FIT if facts["fits"] is False else ExitCode.SUCCESS
    return about | facts, status


def parse(argv: list[str]) -> Arguments:
    """Parses the command line of `jaxseg plan` into an `Arguments` object.

    Options that the command line does not contain have the values of the configuration
    file, or the defaults if there is no file.
    """
    options, rest = take_options(_with_file(argv))
    path = file_of(rest)
    base = load_config(path) if path else default.DEFAULT
    arguments = parsed(
        Arguments,
        rest,
        prog="jaxseg plan",
        bounds=BOUNDS,
        default=Arguments(run=chosen(base, rest, options)),
        listing=listing,
    )
    check_first(arguments.config, path)
    given = {"batch_size": arguments.batch, "space": arguments.space}
    given = {name: value for name, value in given.items() if value is not None}
    run = overridden(arguments.run, {"train": given})
    check(run)
    return dataclasses.replace(arguments, run=run)


def _with_file(argv: list[str]) -> list[str]:
    """Adds "-", which means standard output, to `--json` without a file."""
    if "--json" not in argv:
        return argv
    after = argv.index("--json") + 1
    if argv[after : after + 1] and not argv[after].startswith("-"):
        return argv
    return [*argv[:after], STDOUT, *(word for word in argv[after:] if word != STDOUT)]


def largest(config: Config, target: Slice) -> dict[str, Any]:
    """Searches for the largest batch whose training step fits into memory.

    Args:
      config: The configuration.
      target: The TPU slice.

    Returns:
      A dictionary. "batch" is the number of images in the largest compiled step that
      fits, or 0 if none fits. "words" is a sentence that states the result. The other
      entries are fields of `jaxseg.plan.search.Found`.
    """
    space = image_devices(config)
    unit = len(target.devices) // space

    def attempt(batch: int) -> tuple[bool, float]:
        program = _compiled(config, target, batch * unit)
        return bool(fits(program, target)), program.needs()

    start = max(1, config.train.batch_size // unit)
    found = search(attempt, start, target.chip.usable)
    words = in_words(found, unit, space)
    return dataclasses.asdict(found) | {"batch": found.batch * unit, "words": words}


def compare(config: Config, target: Slice) -> dict[str, dict[str, Any]]:
    """Compiles the training step with each of several changes to the configuration.

    Args:
      config: The configuration.
      target: The TPU slice.

    Returns:
      A dictionary from the name of each change, such as "float32", to a dictionary of
      the memory, the time and other figures of the compiled step. This inner dictionary
      is {"error": message} if the changed configuration is invalid.
    """
    rows, flops = {}, step_flops(config)
    for name, change in alternatives(config, len(target.devices)).items():
        try:
            program = _compiled(overridden(config, change), target)
            rows[name] = figures(program, target, flops)
        except ValueError as error:
            rows[name] = {"error": str(error)}
    return rows


def _compiled(config: Config, target: Slice, batch: int | None = None) -> Program:
    program = compiled(config, target, batch=batch)
    note(
        f"compiled {program.batch} images a step in {program.seconds:.0f} s",
        file=sys.stderr,
    )
    return program
