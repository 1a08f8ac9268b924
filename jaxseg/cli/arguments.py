"""Parses the arguments of a command and reports errors on one line."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import tyro

from jaxseg.cli import shared_options
from jaxseg.cli.exit_codes import ExitCode
from jaxseg.cli.help.docstrings import summary_of
from jaxseg.cli.help.layout import draw_help
from jaxseg.cli.help.options import FLAG, Group, Option, groups_of
from jaxseg.runs.rules import Rule, check_bounds
from jaxseg.storage.output import OutputClosed
from jaxseg.text import one_of, printable

T = TypeVar("T")
_TITLE = re.compile(r"^[─-]+ .* [─-]+$")
_MISSING = (  # The forms in which tyro reports that an argument is missing.
    re.compile(r"Missing value for argument '([\w.-]+)'\. Expected 1 values\."),
    re.compile(r"Missing from [\w -]+: (--[\w.-]+) .*\. \(required\)"),
    re.compile(r"Missing from [\w -]+: [A-Z]+ (.+)\. \(required\)"),
)
_CHOICE = re.compile(
    r"invalid choice '(.*)' for argument '([\w.-]+)'\. Expected one of \((.*)\)"
)
_RULE = re.compile(r"^[─-]+$")
_SUGGESTION = re.compile(r"^(--\w[\w.-]*)( |$)")


def parsed(
    kind: type[T],
    argv: list[str],
    *,
    prog: str,
    bounds: Mapping[str, Rule],
    default: T | None = None,
    listing: Callable[[], str] | None = None,
    more: Mapping[str, str] | None = None,
) -> T:
    """Parses the arguments of a command and checks their bounds.

    Args:
      kind: The dataclass with one field for each argument.
      argv: The words of the command line after the command.
      prog: The command, such as "jaxseg eval".
      bounds: A dictionary from the dotted name of each field to the rule for its
        allowed values.
      default: The default values, or None for those of the dataclass.
      listing: A function that returns text to show in `--help` after the options.
      more: A dictionary from titles such as "--out DIR" to descriptions of options that
        the command itself takes from the command line.

    Returns:
      An instance of `kind`.

    Raises:
      ValueError: If a value is out of its bounds. The message names the first such
        field.
      SystemExit: With status 2 after one line on standard error if the arguments cannot
        be parsed; with status 0 after `--help`.
    """
    if {"-h", "--help"} & set(argv):
        print(help_of(kind, prog, default, listing=listing, more=more))
        raise SystemExit(ExitCode.SUCCESS)
    given = {} if default is None else {"default": default}

    def mistyped() -> str:
        options = [each for group in groups_of(kind, default) for each in group.options]
        own = [name for option in options for name in option.names]
        return shared_options.unrecognized(argv, own)

    with one_line(prog, mistyped):
        found = tyro.cli(kind, args=argv, prog=prog, **given)
    check_bounds(found, bounds)
    return found


def help_of(
    kind: type,
    prog: str,
    default: Any = None,
    *,
    listing: Callable[[], str] | None = None,
    more: Mapping[str, str] | None = None,
    width: int | None = None,
) -> str:
    """Returns the help of a command as text.

    Args:
      kind: The dataclass with one field for each argument.
      prog: The command, such as "jaxseg eval".
      default: The default values, or None for those of the dataclass.
      listing: A function that returns text to show after the options.
      more: A dictionary from titles such as "--out DIR" to descriptions of further
        options.
      width: The largest number of characters in a line, or None for the width of the
        terminal.
    """
    groups = groups_of(kind, default)
    if more:
        further = [Option((title,), FLAG, text) for title, text in more.items()]
        groups.append(Group("Output", "", tuple(further)))
    listed = "" if listing is None else listing()
    return draw_help(prog, summary_of(kind), groups, listing=listed, width=width)


@contextlib.contextmanager
def one_line(prog: str, mistyped: Callable[[], str] = str) -> Iterator[None]:
    """Returns a context manager that prints each error in the command line as one line.

    Without it, the parser tyro draws a box of several lines around an error.

    Args:
      prog: The command, such as "jaxseg eval".
      mistyped: A function that returns an error message if an option that all commands
        share is mistyped, else "". This message replaces that of the parser.
    """
    printed = io.StringIO()
    try:
        with contextlib.redirect_stderr(printed):
            yield
    except SystemExit as end:
        if end.code and not isinstance(end, OutputClosed):
            line = printable(mistyped()) or summary(printed.getvalue())
            print(f"jaxseg: {line} (see {prog} --help)", file=sys.stderr)
            raise SystemExit(ExitCode.WRONG_LINE) from None
        raise
    finally:
        if not isinstance(sys.exc_info()[1], SystemExit):
            sys.stderr.write(printed.getvalue())


def summary(box: str) -> str:
    """Extracts the message from the box that the parser tyro draws around an error.

    Returns:
      The message on one line, followed by the options that tyro suggests.
    """
    rows = [row.strip().strip("│╭╮╰╯|+").strip() for row in box.splitlines()]
    rows = [row for row in rows if row]
    if rows and _TITLE.match(rows[0]):  # The title is part of the frame.
        rows = rows[1:]
    elif len(rows) > 1 and _RULE.match(rows[1]):  # Without Unicode, it is above a line.
        rows = rows[2:]
    ends = next((i for i, row in enumerate(rows) if _RULE.match(row)), len(rows))
    message = " ".join(rows[:ends]) or "the line cannot be read"
    near = [found[1] for row in rows[ends:] if (found := _SUGGESTION.match(row))]
    if "Perhaps you meant:" in rows and near:
        meant = " or ".join(dict.fromkeys(near))
        message = f"{message.rstrip('.')}. Did you mean {meant}?"
    message = re.sub(r"\[/?\w+\]", "", message)  # markup of rich
    if found := _CHOICE.match(message):
        value, option, allowed = found.groups()
        names = re.findall(r"'([^']*)'", allowed)
        message = f"{option}={value!r} is invalid{one_of(value, names)}"
    for form in _MISSING:
        message = form.sub(r"An argument is missing: \1.", message)
    message = re.sub(r"\S{100,}", lambda word: word[0][:97] + "...", message)
    return printable(message, limit=1_000)
