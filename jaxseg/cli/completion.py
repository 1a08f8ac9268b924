"""Implements `jaxseg completion SHELL`, which prints a script for tab completion.

The script contains the names of all commands, options, choices and networks of this
version, so that a shell completes them without starting Python.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
from typing import Any, Literal

import shtab
import tyro

from jaxseg.cli.arguments import parsed
from jaxseg.cli.exit_codes import ExitCode
from jaxseg.cli.help.options import Option, groups_of
from jaxseg.cli.help.value_types import ValueType
from jaxseg.cli.shared_options import OPTIONS

COMMON = ("-h, --help", "-q, --quiet", "-v, --verbose")  # the options of each command
FIRST = ("--no-cache", "-V, --version")  # the options that stand before the command
SUMMARY = re.compile(r"(.+?[.:])(?:\s|$)", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Print a script with which a shell completes jaxseg's commands.

    It completes commands, options, choices, paths and the names of networks, backbones
    and datasets. Write the script to the file that the shell reads; after an update of
    jaxseg, write it again.
    """

    shell: tyro.conf.Positional[Literal["bash", "zsh", "fish"]]
    """Shell for which the script is written: bash, zsh or fish."""


def main(argv: list[str]) -> int:
    """Prints a script that completes commands in a shell; the exit status is 0."""
    given = parsed(Arguments, argv, prog="jaxseg completion", bounds={})
    print(shtab.complete(command_tree(), shell=given.shell))
    return ExitCode.SUCCESS


def command_tree() -> argparse.ArgumentParser:
    """Returns an argparse parser that lists all commands and options for completion.

    It never parses a command line, because the commands use the parser tyro. Both
    parsers are made from the same dataclasses.
    """
    # Imported here: `forms` imports the modules of all commands.
    from jaxseg.cli.forms import command_forms
    from jaxseg.cli.main import COMMANDS

    root = argparse.ArgumentParser("jaxseg", add_help=False)
    for title in (*COMMON, *FIRST):
        _add(root, _names(title), OPTIONS[title])
    commands = root.add_subparsers()
    tools: dict[str, Any] = {}
    names = listed_names()
    for words, form in command_forms().items():
        name, _, tool = words.partition(" ")
        summary = _escaped(COMMANDS[name][1])
        if tool and name not in tools:
            parent = commands.add_parser(name, help=summary, add_help=False)
            _add(parent, _names(COMMON[0]), OPTIONS[COMMON[0]])
            tools[name] = parent.add_subparsers()
        if tool:
            summary = _first_sentence(form.__doc__ or "")
        place = tools[name] if tool else commands
        parser = place.add_parser(tool or name, help=summary, add_help=False)
        for title in COMMON:
            _add(parser, _names(title), OPTIONS[title])
        for group in groups_of(form):
            for option in group.options:
                key = option.key or f"{name} {option.value.text}"
                _add_option(parser, option, names.get(key, ()))
    return root


def listed_names() -> dict[str, tuple[str, ...]]:
    """Returns the names that a shell offers to complete options and arguments.

    Returns:
      A dictionary whose values are tuples of names. A key is either the name of an
      option, such as "model.name", or a command followed by one of its arguments, such
      as "lab NAME".
    """
    from jaxseg.backbones.catalog import BACKBONES
    from jaxseg.data.datasets import DATASETS
    from jaxseg.lab.reproduction.tables import all_tables
    from jaxseg.models import MODELS
    from jaxseg.models.families import FAMILIES

    models, families = tuple(sorted(MODELS)), tuple(sorted(FAMILIES))
    tables = all_tables()
    return {
        "model.name": (*models, *families),
        "model.backbone": tuple(sorted(BACKBONES)),
        "data.name": tuple(sorted(DATASETS)),
        "model": models,
        "models PATTERN": models,
        "lab NAME": models,
        "lab SUBJECTS ...": models,
        "data NAME": tuple(sorted(DATASETS)),
        "reproduce PAPER": tuple(sorted({each.paper for each in tables})),
        "reproduce TABLE": tuple(sorted({each.name for each in tables})),
    }


def _add_option(
    parser: argparse.ArgumentParser, option: Option, listed: tuple[str, ...]
) -> None:
    value = option.value
    if any(name.endswith(".NAME") for name in option.names):
        return  # The options of a network depend on the network.
    action = _add(parser, option.names, option.description, value)
    if choices := value.choices or listed:
        action.choices = choices
    elif value.is_path or not option.names:
        action.complete = shtab.FILE


def _add(
    parser: argparse.ArgumentParser,
    names: tuple[str, ...],
    description: str,
    value: ValueType | None = None,
) -> Any:
    text = _first_sentence(description)
    if value is None or not value.text:
        return parser.add_argument(*names, action="store_true", help=text)
    count = "*" if value.many else max(1, len(value.text.split(" | ")[-1].split()))
    label = value.text.split()[0].strip("{}")
    if not names:
        return parser.add_argument(label.lower(), nargs="*" if value.many else None)
    return parser.add_argument(*names, nargs=None if count == 1 else count, help=text)


def _names(title: str) -> tuple[str, ...]:
    return tuple(title.split(", "))


def _first_sentence(text: str) -> str:
    found = SUMMARY.match(" ".join(text.split()))
    return _escaped(found[1] if found else text)


def _escaped(text: str) -> str:
    return text.replace("%", "%%")  # argparse formats the text with the % operator.
