"""Reads class maps from text with one rule per line.

    # Classes of the dataset -> classes that the network predicts.
    road    -> road
    vehicle -> car | truck
    sky     -> void

Empty lines and lines that start with # are ignored. The arrow and the bar need spaces
on both sides, so that names may contain these characters.
"""

from __future__ import annotations

import pathlib
import re
import unicodedata
from collections.abc import Iterable, Sequence

from jaxseg.data.mix.class_map import (
    IGNORED,
    ClassMap,
    Rule,
    from_rules,
    split_targets,
)
from jaxseg.storage.text import read_lines
from jaxseg.text import printable

_ARROW, _BAR = re.compile(r"\s+->\s+"), re.compile(r"\s+\|\s+")
FORM = f"CLASS -> CLASS, CLASS -> CLASS | CLASS, or CLASS -> {IGNORED}"


def read_class_map(
    path: str | pathlib.Path,
    *,
    source: Sequence[str] | None = None,
    target: Sequence[str] | None = None,
) -> ClassMap:
    """Reads a `ClassMap` from a text file.

    Args:
      path: The file.
      source: The classes that the map must mention. By default they are the classes on
        the left sides of the rules.
      target: The classes that may occur on the right sides of the rules. By default
        they are the classes that do occur there, in order of appearance.

    Raises:
      ValueError: If the file cannot be read, or a source class is missing or repeated.
        The message names the file and the lines.
    """
    return from_rules(read_rules(path), source, target, origin=str(path))


def read_rules(path: str | pathlib.Path) -> list[Rule]:
    """Reads the rules of a class map from a text file, as a list of `Rule` objects.

    A `Rule` contains one source class and its target classes. The function does not
    check that each class of a dataset has a rule.

    Args:
      path: The file.

    Raises:
      ValueError: If the file cannot be read, or a line is not a rule. The message names
        the file and the line.
    """
    file = pathlib.Path(path).expanduser()
    if not file.is_file():
        raise ValueError(
            f"{file} is not a file: expected a text file of rules such as {FORM}."
        )
    return parse_rules(read_lines(file), origin=str(file))


def parse_rules(lines: Iterable[tuple[int, str]], *, origin: str) -> list[Rule]:
    """Parses lines of text, each of which is one rule of a class map.

    Args:
      lines: A pair (number, text) for each line.
      origin: The name of the file or of the option, for errors.

    Returns:
      A list of `Rule` objects in the order of the lines. Empty lines and comments are
      left out.

    Raises:
      ValueError: If a line is not a rule.
    """
    return [
        _rule(text.strip(), origin, number)
        for number, text in lines
        if text.strip() and not text.lstrip().startswith("#")
    ]


def _rule(text: str, origin: str, number: int) -> Rule:
    sides = _ARROW.split(unicodedata.normalize("NFC", text))
    if len(sides) == 2 and all(sides):
        try:
            targets = split_targets(_BAR.split(sides[1]))
        except ValueError:
            targets = None
        if targets is not None:
            return Rule(sides[0], targets, f"line {number}")
    raise ValueError(
        f"{origin}, line {number}: {printable(text)!r} is not a rule of a class map: "
        f"expected {FORM}."
    )
