"""Draws help texts that fit the width of the terminal."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence

from jaxseg.cli.help.examples import EXAMPLES
from jaxseg.cli.help.options import Group, Option

WIDE = 110  # From this width on, descriptions stand in a second column.
LEFT = 40  # The width of the first column.
LARGEST = 160  # Longer lines are hard to read.


def draw_help(
    prog: str,
    description: str,
    groups: Sequence[Group],
    *,
    listing: str = "",
    width: int | None = None,
) -> str:
    """Returns the help of a command.

    Args:
      prog: The command, such as "jaxseg eval".
      description: Text that describes the command. Empty lines separate paragraphs.
      groups: The options of the command, divided into groups with titles.
      listing: Lines to show below the options, such as the table of the datasets.
      width: The largest number of characters in a line. The default is the width of
        the terminal, but at most 160.
    """
    width = width or terminal_width()
    parts = [[_usage(prog, groups, width)], paragraphs(description, width)]
    for group in groups:
        parts.append([heading(f"{group.title}:")])
        parts[-1] += _indented(group.description, width) if group.description else []
        for option in group.options:
            parts[-1] += _option_lines(option, width)
    if listing:
        first, *rows = listing.splitlines()
        parts.append([heading(first), *_rows(rows, width)])
    parts.append(list(examples(prog, width)))
    return "\n\n".join("\n".join(part) for part in parts if part)


def terminal_width() -> int:
    """Returns the width of the terminal, or 80 if the output is not a terminal."""
    return max(40, min(shutil.get_terminal_size().columns, LARGEST))


def heading(text: str) -> str:
    """Returns a heading, which is bold if the output is a terminal.

    It is not bold if NO_COLOR is set or if TERM is "dumb".
    """
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    bold = sys.stdout.isatty() and not plain
    return f"\x1b[1m{text}\x1b[0m" if bold else text


def paragraphs(text: str, width: int) -> list[str]:
    """Wraps the paragraphs of a text, and returns a list of lines.

    In the text and in the result, paragraphs are separated by empty lines."""
    lines: list[str] = []
    for block in text.split("\n\n"):
        lines += ["", *wrapped(" ".join(block.split()), width)]
    return lines[1:]


def wrapped(text: str, width: int, first: str = "", others: str = "") -> list[str]:
    """Returns a list of the lines of one wrapped paragraph.

    Args:
      text: The paragraph.
      width: The largest number of characters in a line.
      first: The start of the first line.
      others: The start of the other lines.
    """
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=others,
        break_on_hyphens=False,
    )


def tools_usage(command: str, description: str, tools: Mapping[str, str]) -> str:
    """Returns the help of a command with tools, such as `jaxseg data`.

    Args:
      command: The command, such as "data".
      description: A sentence about the command.
      tools: A mapping from the name of each tool, which is the second word of the
        command, to a line of text about it.
    """
    width = terminal_width()
    left = max(map(len, tools)) + 4
    rows = [
        line
        for name, text in tools.items()
        for line in wrapped(text, width, f"  {name}".ljust(left), " " * left)
    ]
    closing = f"`jaxseg {command} TOOL --help` shows the options of a tool."
    blocks = [
        [f"usage: jaxseg {command} TOOL ..."],
        [description],
        [heading("Tools:"), *rows],
        list(examples(f"jaxseg {command}", width)),
        wrapped(closing, width),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def examples(prog: str, width: int) -> Iterator[str]:
    """Yields lines of text: a heading, and the examples of a command.

    Nothing is yielded for a command without examples.

    Args:
      prog: The command, such as "jaxseg eval".
      width: The largest number of characters in a line.
    """
    rows = EXAMPLES.get(prog, ())
    if rows:
        yield heading("Examples:")
    for command, text in rows:
        yield from _command_lines(command, width)
        yield from wrapped(text, width, " " * 6, " " * 6)


def _command_lines(command: str, width: int) -> list[str]:
    """Breaks a command between words, with a backslash at the end of each line."""
    lines = textwrap.wrap(
        command,
        width - 2,
        initial_indent="  ",
        subsequent_indent="    ",
        break_on_hyphens=False,
        break_long_words=False,
    )
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]


def _usage(prog: str, groups: Sequence[Group], width: int) -> str:
    options = [option for group in groups for option in group.options]
    words = [
        option.value.text if option.required else f"[{option.value.text}]"
        for option in options
        if not option.names
    ]
    words += [
        f"{option.names[0]} {option.value.text}"
        for option in options
        if option.names and option.required
    ]
    text = " ".join(["usage:", prog, *words, "[OPTIONS]"])
    return "\n".join(wrapped(text, width, "", " " * 7))


def _option_lines(option: Option, width: int) -> list[str]:
    """Returns the lines of one option: its names and type, and its description."""
    title, text = option.title, option.description
    if option.required and option.names:
        text = f"{text} Required."
    if width >= WIDE:
        if len(title) <= LEFT - 4:
            return wrapped(text, width, f"  {title}".ljust(LEFT), " " * LEFT)
        return [*_title(title, width), *wrapped(text, width, " " * LEFT, " " * LEFT)]
    return [*_title(title, width), *wrapped(text, width, " " * 6, " " * 6)]


def _title(title: str, width: int) -> list[str]:
    """Wraps the names and the type of an option, also inside of long choices."""
    if len(title) + 2 > width:
        title = title.replace(",", ", ")
    return wrapped(title, width, "  ", "      ")


def _indented(text: str, width: int) -> list[str]:
    return wrapped(" ".join(text.split()), width, "  ", "  ")


def _rows(rows: Iterable[str], width: int) -> list[str]:
    """Wraps the rows of a table of two columns, with a hanging indent."""
    lines: list[str] = []
    for row in rows:
        name, _, text = row.strip().partition("  ")
        left = len(row) - len(row.lstrip())
        start = len(row) - len(text.lstrip()) if text else left + 4
        indent = " " * min(start, 24)
        lines += wrapped(
            " ".join(text.split()) or name,
            width,
            (" " * left + name).ljust(len(indent)) if text else " " * left,
            indent,
        )
    return lines
