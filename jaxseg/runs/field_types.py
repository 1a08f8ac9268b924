"""Compares values with annotated types and describes these types in words."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from types import NoneType, UnionType
from typing import Any

_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    str: "text",
    NoneType: "None",
    Any: "any value",
}


def matches(value: Any, hint: Any) -> bool:
    """Returns whether a value has the annotated type of a field or option.

    An integer is also accepted as a `float`. Sequences must be tuples.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin is typing.Literal:
        return any(value == item and type(value) is type(item) for item in arguments)
    if origin in (typing.Union, UnionType):
        return any(matches(value, argument) for argument in arguments)
    if origin is tuple:
        return isinstance(value, tuple) and _items_match(value, arguments)
    if origin is Sequence:
        return isinstance(value, tuple) and _items_match(value, (*arguments, ...))
    if origin is dict:
        key, item = arguments
        return isinstance(value, dict) and all(
            matches(k, key) and matches(v, item) for k, v in value.items()
        )
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, origin or hint)


def _items_match(value: tuple, arguments: tuple) -> bool:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return all(matches(item, arguments[0]) for item in value)
    return len(value) == len(arguments) and all(map(matches, value, arguments))


def in_words(hint: Any) -> str:
    """Returns a description of a type for an error message.

    >>> in_words(tuple[int, int])
    'a tuple of (a whole number, a whole number)'
    >>> in_words(typing.Literal["jit", "pmap"] | None)
    "'jit' or 'pmap' or None"
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return " or ".join(map(repr, arguments))
    if origin in (typing.Union, UnionType):
        return " or ".join(map(in_words, arguments))
    if origin is Sequence or (origin is tuple and arguments[-1] is Ellipsis):
        return f"a tuple, such as (x,), where each x is {in_words(arguments[0])}"
    if origin is tuple:
        return f"a tuple of ({', '.join(map(in_words, arguments))})"
    if origin is dict:
        return f"a dictionary from {in_words(arguments[0])} to {in_words(arguments[1])}"
    return _WORDS.get(hint, getattr(hint, "__name__", str(hint)))
