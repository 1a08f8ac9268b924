"""Configurations to and from JSON, with every field's name and type checked."""

from __future__ import annotations

import dataclasses
import difflib
import math
import os
import typing
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from jaxseg.config import Config
from jaxseg.runs.field_types import in_words, matches
from jaxseg.runs.renamed import current_fields
from jaxseg.runs.rules import invalid

SHOWN = 40  # names of a list in an error


def near(name: str, allowed: Iterable[str]) -> str:
    """`; did you mean 'unet'?`, or what is allowed when nothing is close."""
    names = list(allowed)
    close = difflib.get_close_matches(name, names, n=3)
    if close:
        return "; did you mean " + " or ".join(map(repr, close)) + "?"
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return "; allowed: " + ", ".join(names[:SHOWN]) + more


def hashable(value: Any) -> Any:
    """Lists become tuples: modules need fields that hash."""
    if isinstance(value, list | tuple):
        return tuple(hashable(item) for item in value)
    if isinstance(value, dict):
        return {key: hashable(item) for key, item in value.items()}
    return value


def to_dict(config: Any) -> dict[str, Any]:
    """A configuration as JSON values.

    NumPy numbers and arrays become numbers and lists, paths and JAX types their names.

    Raises:
      ValueError: naming the field, when a value has no such form: a set, a complex
        number, a function, or NaN.
    """
    return plain(config)


def plain(value: Any, where: str = "") -> Any:
    """A JSON value, see `to_dict`; `where` is the dotted name of what holds it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {
            _key(key, value, where): plain(item, f"{where}.{key}".lstrip("."))
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [plain(item, where) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "__array__") and not isinstance(value, type):
        return plain(np.asarray(value).tolist(), where)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(invalid(where, value, "a finite number"))
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return _type_name(value, where)


def _key(key: Any, whole: Mapping, where: str) -> str:
    if not isinstance(key, str):
        raise ValueError(invalid(where, dict(whole), "names as keys, which are text"))
    return key


def _type_name(value: Any, where: str) -> str:
    """`bfloat16` for `jnp.bfloat16` and for its dtype."""
    if isinstance(value, np.dtype) or (
        isinstance(value, type) and hasattr(value, "dtype")
    ):
        return np.dtype(value).name
    raise ValueError(
        invalid(
            where,
            value,
            "numbers, text, True, False, None, and tuples or dictionaries of these",
        )
    )


def from_dict(kind: type, values: Mapping[str, Any], *, where: str = "") -> Any:
    """A dataclass from JSON values; absent fields take their defaults.

    Args:
      kind: The dataclass.
      values: Its fields by name.
      where: The dotted name of what holds the fields, for errors.

    Raises:
      ValueError: naming an unknown field and the near ones, or a wrong type.
    """
    if kind is Config:
        values = current_fields(values)
    hints = typing.get_type_hints(kind)
    for name in values:
        if name not in hints:
            holder = where or "the configuration"
            raise ValueError(f"{holder} has no field {name!r}{near(name, hints)}")
    return kind(
        **{
            name: _field(hints[name], value, where=f"{where}.{name}".lstrip("."))
            for name, value in values.items()
        }
    )


def _field(hint: Any, value: Any, *, where: str) -> Any:
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise ValueError(invalid(where, value, "a dictionary of its fields"))
        return from_dict(hint, value, where=where)
    value = hashable(value)
    if not matches(value, hint):
        raise ValueError(invalid(where, value, in_words(hint)))
    return value


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
