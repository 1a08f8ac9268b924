"""Converts configurations to and from JSON and checks every field."""

from __future__ import annotations

import dataclasses
import math
import os
import typing
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from jaxseg.config import Config
from jaxseg.models import FAMILIES, MODELS
from jaxseg.runs.field_types import in_words, matches
from jaxseg.runs.renamed import current_fields
from jaxseg.runs.rules import invalid
from jaxseg.text import did_you_mean, near


def unknown_model(name: str, option: str = "model.name") -> str:
    """Returns the text of the error about an unknown network.

    The text suggests similar names.

    Args:
      name: The unknown name.
      option: The option that contains the name.
    """
    advice = did_you_mean(name, {**MODELS, **FAMILIES}).strip()
    expected = "a network that `jaxseg models` lists"
    return invalid(option, name, expected, advice=advice)


def hashable(value: Any) -> Any:
    """Returns a value in which all lists, including nested ones, become tuples.

    Fields of a module must be hashable, which lists are not.
    """
    if isinstance(value, list | tuple):
        return tuple(hashable(item) for item in value)
    if isinstance(value, dict):
        return {key: hashable(item) for key, item in value.items()}
    return value


def to_dict(config: Any) -> dict[str, Any]:
    """Converts a configuration to nested dictionaries of JSON values.

    NumPy numbers and arrays become numbers and lists. Paths and JAX types become text.

    Raises:
      ValueError: If a value cannot be converted, such as a set, a complex number, a
        function or NaN. The message names the field.
    """
    try:
        return plain(config)
    except RecursionError as error:
        raise ValueError(
            "the configuration is invalid: expected fewer nested levels, and no value "
            "that contains itself. Remove the inner levels."
        ) from error


def plain(value: Any, where: str = "") -> Any:
    """Converts a value to JSON types.

    Args:
      value: The value.
      where: The dotted name of the value, for error messages.

    Raises:
      ValueError: If the value cannot be converted.
    """
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
    if _is_array(value):
        return plain(np.asarray(value).tolist(), where)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(invalid(where, value, "a finite number"))
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return _type_name(value, where)


def _is_array(value: Any) -> bool:
    """Returns whether a value holds numbers or text, unlike keys and masked values."""
    if isinstance(value, type) or not hasattr(value, "__array__"):
        return False
    key = isinstance(value, jax.Array) and jax.dtypes.issubdtype(
        value.dtype, jax.dtypes.prng_key
    )
    return not key and not isinstance(value, np.ma.MaskedArray)


def _key(key: Any, whole: Mapping, where: str) -> str:
    if not isinstance(key, str):
        raise ValueError(invalid(where, dict(whole), "text as keys"))
    return key


def _type_name(value: Any, where: str) -> str:
    """Returns the name of a dtype, such as `bfloat16` for `jnp.bfloat16`."""
    if isinstance(value, np.dtype) or (
        isinstance(value, type) and hasattr(value, "dtype")
    ):
        return np.dtype(value).name
    raise ValueError(
        invalid(
            where,
            value,
            "a number, text, True, False, None, or a tuple or dictionary of these",
        )
    )


def from_dict(kind: type, values: Mapping[str, Any], *, where: str = "") -> Any:
    """Returns an instance of a dataclass from JSON values, and fills in defaults.

    Args:
      kind: The dataclass.
      values: The fields by name.
      where: The dotted name of the dataclass within the configuration, for errors.

    Raises:
      ValueError: If a field is unknown or has the wrong type. For an unknown field, the
        message suggests similar names.
    """
    if kind is Config:
        values = current_fields(values)
    hints = typing.get_type_hints(kind)
    for name in values:
        if name not in hints:
            field = f"{where}.{name}".lstrip(".")
            raise ValueError(f"{field} is invalid{near(name, hints)}")
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
    if (kind := _item_class(hint)) is not None and isinstance(value, list | tuple):
        parts = enumerate(value)
        return tuple(_field(kind, part, where=f"{where}[{k}]") for k, part in parts)
    value = hashable(value)
    if not matches(value, hint):
        raise ValueError(invalid(where, value, in_words(hint)))
    return value


def _are_parts(value: Any) -> bool:
    """Returns whether a JSON value is a list of dataclasses, such as `data.mix`."""
    return isinstance(value, list) and all(isinstance(x, Mapping) for x in value)


def _item_class(hint: Any) -> type | None:
    """Returns the dataclass D of the annotation `tuple[D, ...]`, or None."""
    kinds = typing.get_args(hint) if typing.get_origin(hint) is tuple else ()
    return kinds[0] if kinds and dataclasses.is_dataclass(kinds[0]) else None


def differences(stored: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Returns a list with a line of text for each difference between two JSON trees.

    A line is like `model.name: 'unet' there, 'segnet' here`, where "there" is the
    stored tree and "here" the new one. A value that a tree lacks is "not set".
    """
    lines: list[str] = []
    for name in sorted({*stored, *new}):
        old, now = stored.get(name), new.get(name)
        if isinstance(old, Mapping) and isinstance(now, Mapping):
            lines += [f"{name}.{line}" for line in differences(old, now)]
        elif _are_parts(old) and _are_parts(now) and len(old) == len(now):
            for k, pair in enumerate(zip(old, now, strict=True)):
                lines += [f"{name}[{k}].{line}" for line in differences(*pair)]
        elif old != now:
            here, there = (
                repr(tree[name]) if name in tree else "not set"
                for tree in (new, stored)
            )
            lines.append(f"{name}: {there} there, {here} here")
    return lines
