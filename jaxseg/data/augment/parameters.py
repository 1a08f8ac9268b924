"""Declares the default, the allowed values and the help of augmentation parameters."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

KEY = "parameter"  # the key of a `Parameter` in the metadata of a dataclass field


@dataclasses.dataclass(frozen=True)
class Parameter:
    """Describes one parameter of an augmentation.

    Attributes:
      expected: A description of the allowed values, which follows "expected" in errors.
      help: One sentence for the documentation.
      convert: A function that returns the value in its stored type, or None if the
        value is not allowed.
    """

    expected: str
    help: str
    convert: Callable[[Any], Any]


def number(default: float, low: float, high: float, *, help: str) -> Any:
    """Returns a dataclass field for an augmentation parameter that is a number.

    The allowed values are from `low` to `high`.
    """
    expected = f"a number from {low:g} to {high:g}"
    return _field(default, expected, help, lambda value: _number(value, low, high))


def whole(default: int, low: int, high: int, *, help: str) -> Any:
    """Returns a dataclass field for an augmentation parameter that is an integer.

    The allowed values are from `low` to `high`.
    """

    def convert(value: Any) -> int | None:
        return value if type(value) is int and low <= value <= high else None

    return _field(default, f"a whole number from {low} to {high}", help, convert)


def interval(
    default: tuple[float, float], low: float, high: float, *, help: str
) -> Any:
    """Returns a dataclass field for an augmentation parameter that is an interval.

    The allowed values are two ascending numbers from `low` to `high`.
    """

    def convert(value: Any) -> tuple[float, float] | None:
        if not isinstance(value, tuple) or len(value) != 2:
            return None
        found = tuple(_number(item, low, high) for item in value)
        return found if None not in found and found[0] <= found[1] else None

    expected = f"two numbers from {low:g} to {high:g}, the smaller one first"
    return _field(default, expected, help, convert)


def choice(default: str, *others: str, help: str) -> Any:
    """Returns a dataclass field for an augmentation parameter that is a word.

    The allowed words are `default` and those in `others`.
    """
    words = (default, *others)
    expected = " or ".join(words)
    return _field(
        default, expected, help, lambda value: value if value in words else None
    )


def class_names(*, help: str) -> Any:
    """Returns a dataclass field for an augmentation parameter that lists class names.

    The value is a tuple, by default ().
    """

    def convert(value: Any) -> tuple[str, ...] | None:
        names = (value,) if isinstance(value, str) else value
        if not isinstance(names, tuple) or not all(
            isinstance(name, str) and name for name in names
        ):
            return None
        return names

    return _field((), "names of classes", help, convert)


def parameter_of(field: dataclasses.Field) -> Parameter:
    """Returns the `Parameter` that describes a dataclass field of an augmentation."""
    return field.metadata[KEY]


def _number(value: Any, low: float, high: float) -> float | None:
    if type(value) not in (int, float) or not math.isfinite(value):
        return None
    return float(value) if low <= value <= high else None


def _field(default: Any, expected: str, help: str, convert: Callable) -> Any:
    metadata = {KEY: Parameter(expected, help=help, convert=convert)}
    return dataclasses.field(default=default, metadata=metadata)
