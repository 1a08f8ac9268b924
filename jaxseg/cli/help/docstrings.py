"""Reads the descriptions of the fields of a dataclass from its source."""

from __future__ import annotations

import ast
import functools
import inspect
import itertools
import re
import textwrap

_SECTION = re.compile(r"^Attributes:\n((?:[ ]{2,}.*\n|\n)*)", re.M)
_ENTRY = re.compile(r"^(\w+): ")


@functools.cache
def field_descriptions(kind: type) -> dict[str, str]:
    """Returns a dictionary from each field of a dataclass to its description.

    A description is one line of text. It is the string below the field, or its entry in
    the section "Attributes" of the docstring of the class.

    Args:
      kind: The dataclass.
    """
    found: dict[str, str] = {}
    for parent in reversed(kind.__mro__[:-1]):
        found |= _from_section(inspect.getdoc(parent) or "")
        found |= _from_source(parent)
    return found


def summary_of(kind: type) -> str:
    """Returns the docstring of a dataclass without its section "Attributes"."""
    text = inspect.cleandoc(kind.__doc__ or "") + "\n"
    return _SECTION.sub("", text).strip()


def _from_section(docstring: str) -> dict[str, str]:
    section = _SECTION.search(docstring + "\n")
    found: dict[str, str] = {}
    name = ""
    for line in textwrap.dedent(section[1]).splitlines() if section else ():
        if entry := _ENTRY.match(line):
            name = entry[1]
            line = line[entry.end() :]
        if name:
            found[name] = f"{found.get(name, '')} {line.strip()}".strip()
    return found


def _from_source(kind: type) -> dict[str, str]:
    try:
        source = textwrap.dedent(inspect.getsource(kind))
    except (OSError, TypeError):  # The source is not available.
        return {}
    body = ast.parse(source).body[0].body
    found = {}
    for field, below in itertools.pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            found[field.target.id] = " ".join(below.value.value.split())
    return found
