"""Parses the texts of `data.augment`, such as `rotate(degrees=10, probability=0.5)`."""

from __future__ import annotations

import ast
import dataclasses
import functools
import itertools
from typing import Any

from jaxseg.data.augment.entry import Entry, Frame, WindowEntry
from jaxseg.data.augment.parameters import parameter_of
from jaxseg.data.augment.table import ENTRIES
from jaxseg.text import near, printable

FORM = "NAME or NAME(PARAMETER=VALUE, ...)"


@functools.lru_cache(maxsize=64)
def parse_entries(texts: tuple[str, ...]) -> tuple[Entry, ...]:
    """Parses the augmentations that `data.augment` lists.

    Args:
      texts: One text for each augmentation.

    Returns:
      A tuple with one augmentation, a dataclass, for each text, in the same order.

    Raises:
      ValueError: If a text is invalid, or an augmentation that chooses the crop follows
        one that changes the pixels of the crop.

    >>> parse_entries(("flip", "rotate(degrees=30, probability=0.5)"))[1]
    Rotate(probability=0.5, degrees=30.0)
    """
    entries = tuple(parse_entry(text) for text in texts)
    for before, after in itertools.pairwise(entries):
        if isinstance(after, WindowEntry) and not isinstance(before, WindowEntry):
            raise ValueError(
                f"data.augment={after.name!r} after {before.name!r} is invalid: "
                "expected all entries that choose the crop to come first. Move "
                f"{after.name} to the front of the list."
            )
    return entries


def parse_entry(text: str) -> Entry:
    """Returns the augmentation that a text such as `rotate(degrees=30)` describes.

    Raises:
      ValueError: If the name or a parameter is unknown, or a value is not allowed.
    """
    name, given = _split(text)
    if name not in ENTRIES:
        raise ValueError(f"{_named(text)} is invalid{near(name, ENTRIES)}")
    kind = ENTRIES[name]
    fields = {field.name: parameter_of(field) for field in dataclasses.fields(kind)}
    values = {}
    for key, value in given.items():
        if key not in fields:
            allowed = ", ".join(_own_first(fields))
            raise ValueError(
                f"{_named(text)} is invalid: {name} has no parameter {key!r}. Its "
                f"parameters are {allowed}."
            )
        values[key] = fields[key].convert(value)
        if values[key] is None:
            raise ValueError(
                f"{_named(text)} is invalid: expected {fields[key].expected} for "
                f"{key}, found {printable(repr(value))}."
            )
    return kind(**values)


def check_entries(
    entries: tuple[Entry, ...],
    *,
    crop: tuple[int, int] | None = None,
    frame: Frame | None = None,
) -> None:
    """Checks that augmentations fit the size of the crop and a dataset.

    Args:
      entries: The augmentations.
      crop: The (H, W) of the training crop, or None if it is not checked.
      frame: The properties of the dataset, or None if they are not checked.

    Raises:
      ValueError: If an augmentation needs a square crop, three channels, or one class
        per pixel, and the crop or the dataset is different. Also if an augmentation
        names an unknown class.
    """
    for entry in entries:
        if crop is not None and entry.square and crop[0] != crop[1]:
            raise ValueError(
                f"data.augment={entry.name!r} is invalid: expected a square data.crop, "
                f"found {crop}. Choose a square crop, or remove the entry."
            )
        if frame is None:
            continue
        if entry.by_class and frame.multilabel:
            raise ValueError(
                f"data.augment={entry.name!r} is invalid: expected data with one "
                "class per pixel, but the classes of these data overlap. Remove the "
                "entry."
            )
        if entry.rgb and len(frame.fill) != 3:
            raise ValueError(
                f"data.augment={entry.name!r} is invalid: expected images of 3 "
                f"channels, found {len(frame.fill)}. Remove the entry."
            )
        for name in getattr(entry, "classes", ()):
            if name not in frame.classes:
                raise ValueError(
                    f"classes={name!r} in the entry {entry.name} of data.augment is "
                    f"invalid{near(name, frame.classes)}"
                )


def _named(text: str) -> str:
    return f"data.augment={printable(repr(text))}"


def _own_first(names: dict[str, Any]) -> list[str]:
    return sorted(names, key=lambda name: name == "probability")


def _split(text: str) -> tuple[str, dict[str, Any]]:
    """Splits the text of an entry into its name and its parameters."""
    wrong = ValueError(f"{_named(text)} is invalid: expected {FORM}.")
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise wrong from error
    if isinstance(node, ast.Name):
        return node.id, {}
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        raise wrong
    if node.args or any(keyword.arg is None for keyword in node.keywords):
        raise ValueError(
            f"{_named(text)} is invalid: expected {FORM}. Write the name of each "
            "parameter before its value."
        )
    values = {}
    for keyword in node.keywords:
        if keyword.arg in values:
            raise ValueError(f"{_named(text)} is invalid: expected {keyword.arg} once.")
        values[keyword.arg] = _value(keyword.value, wrong)
    return node.func.id, values


def _value(node: ast.expr, wrong: ValueError) -> Any:
    """Returns the value of a number, a word without quotes, a text or a tuple."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Tuple | ast.List):
        return tuple(_value(item, wrong) for item in node.elts)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError, MemoryError) as error:
        raise wrong from error
