"""Writes the command-line reference: the help of every command, as it is printed."""

import contextlib
import io
import os
import re
from unittest import mock

from jaxseg.cli.main import COMMANDS, main

WIDTH = "88"
CHOICES = re.compile(r"\{([\w,-]+)\}\s*$")
ROW = re.compile(r"^  ([a-z][\w-]*)  +\S", re.MULTILINE)


def commands() -> str:
    """Markdown with one section for each command and for each of its tools."""
    parts = [f"## jaxseg\n\n{_block(help_of())}"]
    for name in COMMANDS:
        text = help_of(name)
        parts.append(f"## jaxseg {name}\n\n{_block(text)}")
        for tool in tools(text):
            parts.append(f"### jaxseg {name} {tool}\n\n{_block(help_of(name, tool))}")
    return "\n\n".join(parts)


def help_of(*words: str) -> str:
    """What `jaxseg WORDS --help` prints."""
    printed = io.StringIO()
    with (
        mock.patch.dict(os.environ, {"COLUMNS": WIDTH, "NO_COLOR": "1"}),
        contextlib.redirect_stdout(printed),
        contextlib.suppress(SystemExit),
    ):
        main([*words, "--help"])
    if not (text := printed.getvalue().strip()):
        raise ValueError(f"`jaxseg {' '.join(words)} --help` prints nothing.")
    return "\n".join(line.rstrip() for line in text.splitlines())


def tools(text: str) -> list[str]:
    """The tools that the help of a command lists.

    >>> tools("usage: jaxseg data TOOL ...\\n\\n  check  find\\n  show   write")
    ['check', 'show']
    >>> tools("usage: jaxseg lab [-h] {plan,rates}\\n")
    ['plan', 'rates']
    >>> tools("usage: jaxseg eval [-h] WORKDIR")
    []
    """
    usage = text.split("\n\n", 1)[0]
    if choices := CHOICES.search(usage):
        return choices[1].split(",")
    return ROW.findall(text) if " TOOL" in usage else []


def _block(text):
    return f"```text\n{text}\n```"
