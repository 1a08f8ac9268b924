"""Configurations to and from JSON, with every field's name and type checked."""

from __future__ import annotations

import dataclasses
import difflib
import json
import typing
from collections.abc import Iterable, Mapping
from types import UnionType
from typing import Any


def near(name: str, allowed: Iterable[str]) -> str:
    """`; did you mean 'unet'?`, or what is allowed when nothing is close."""
    names = list(allowed)
    close = difflib.get_close_matches(name, names, n=3)
    if close:
        return "; did you mean " + " or ".join(map(repr, close)) + "?"
    return "; allowed: " + ", ".join(names)


def hashable(value: Any) -> Any:
    """Lists become tuples: modules need fields that hash."""
    if isinstance(value, list | tuple):
        return tuple(hashable(item) for item in value)
    if isinstance(value, dict):
        return {key: hashable(item) for key, item in value.items()}
    return value


def to_dict(config: Any) -> dict[str, Any]:
    """A configuration as JSON values."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


def from_dict(kind: type, values: Mapping[str, Any], *, where: str = "config") -> Any:
    """A dataclass from JSON values; absent fields take their defaults.

    Raises: ValueError naming an unknown field and the near ones, or a wrong type.
    """
    hints = typing.get_type_hints(kind)
    for name in values:
        if name not in hints:
            raise ValueError(f"{where} has no field {name!r}{near(name, hints)}")
    return kind(
        **{
            name: _field(hints[name], value, where=f"{where}.{name}")
            for name, value in values.items()
        }
    )


def _field(hint: Any, value: Any, *, where: str) -> Any:
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise ValueError(f"{where} is {value!r}; allowed: an object of fields")
        return from_dict(hint, value, where=where)
    value = hashable(value)
    if not matches(value, hint):
        raise ValueError(f"{where} is {value!r}; allowed: {shown(hint)}")
    return value


def shown(hint: Any) -> str:
    """A type as an error shows it: `int`, `tuple[int, int]`, `'jit' or 'pmap'`."""
    if typing.get_origin(hint) is typing.Literal:
        return " or ".join(map(repr, typing.get_args(hint)))
    return (
        hint.__name__
        if isinstance(hint, type) and not typing.get_args(hint)
        else (str(hint))
    )


def matches(value: Any, hint: Any) -> bool:
    """Whether a plain value has the annotated type (an int may stand for a float)."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin is typing.Literal:
        return value in arguments
    if origin in (typing.Union, UnionType):
        return any(matches(value, argument) for argument in arguments)
    if origin is tuple:
        return isinstance(value, tuple) and _items_match(value, arguments)
    if origin is dict:
        return isinstance(value, dict)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def _items_match(value: tuple, arguments: tuple) -> bool:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return all(matches(item, arguments[0]) for item in value)
    return len(value) == len(arguments) and all(map(matches, value, arguments))


def differences(stored: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """`["model.name: 'unet' there, 'segnet' here", ...]` of two JSON trees."""
    lines: list[str] = []
    for name in sorted({*stored, *new}):
        old, now = stored.get(name), new.get(name)
        if isinstance(old, Mapping) and isinstance(now, Mapping):
            lines += [f"{name}.{line}" for line in differences(old, now)]
        elif old != now:
            lines.append(f"{name}: {old!r} there, {now!r} here")
    return lines
