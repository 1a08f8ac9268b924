"""Finds published weights in the list `entries.json`.

`python -m experiments.published.collect` writes a new version of the file.
"""

import dataclasses
import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxseg.text import fitting, similar
from jaxseg.weights.published.entry import Entry

TABLE = Path(__file__).with_name("entries.json")
_TUPLES = ("mean", "std")


@functools.cache
def entries() -> dict[str, Entry]:
    """Returns a dictionary from the name of published weights to their `Entry`.

    It contains all entries of the list, in its order.
    """
    stored = json.loads(TABLE.read_text(encoding="utf-8"))
    rows = (_entry(fields, stored["classes"]) for fields in stored["entries"])
    return {row.name: row for row in rows}


def find(name: object) -> Entry | None:
    """Returns the description of the published weights with a name, or None.

    Args:
      name: The name, such as "timm/resnet50.a1_in1k". For an object that is not a
        string, the result is None.
    """
    if not isinstance(name, str) or "/" not in name:
        return None
    return entries().get(name)


def matching(pattern: str) -> list[Entry]:
    """Returns a list with the `Entry` of all published weights that match a pattern.

    Weights match if the name of the weights, of their network or of their backbone
    contains the pattern. A pattern with wildcards must match one of these names from
    beginning to end.

    Args:
      pattern: Part of a name, or a pattern such as "timm/resnet50.*".

    Raises:
      ValueError: If no weights match. The message suggests similar names.
    """
    command = "jaxseg models --pretrained"
    words = {*fitting(pattern, _words(), "published weights", command)}
    return [entry for entry in entries().values() if words & {*_names(entry)}]


def suggestion(name: str) -> str:
    """Returns the words ", such as NAME, ..." that suggest similar names of weights.

    The result is "" if no name is similar.

    Args:
      name: A name that is not in the table.
    """
    return _suggested(similar(name, entries()))


def _words() -> list[str]:
    """Returns all words that `matching` compares with a pattern."""
    parts = map(_names, entries().values())
    return sorted({word for part in parts for word in part if word})


def _names(entry: Entry) -> tuple[str, str, str]:
    return entry.name, entry.network, entry.backbone


def _suggested(near: Sequence[str]) -> str:
    return f", such as {', '.join(near)}" if near else ""


def row_of(entry: Entry) -> dict[str, Any]:
    """Returns the description of a file of weights as a dict that JSON can store.

    Args:
      entry: The description.
    """
    return dataclasses.asdict(entry)


def _entry(fields: dict[str, Any], classes: dict[str, list[str]]) -> Entry:
    listed = {name: tuple(fields[name]) for name in _TUPLES if name in fields}
    names = tuple(classes.get(fields.get("classes", ""), ()))
    options = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in fields.get("options", {}).items()
    }
    return Entry(**{**fields, **listed, "classes": names, "options": options})
