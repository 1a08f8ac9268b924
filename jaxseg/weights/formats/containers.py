"""Adds entries to the lists and dictionaries that a pickle program builds, with checks.

Only short strings, small integers and references to globals (a module and a name) can
be keys, because Python hashes keys, and hashing any other value could run code or take
a long time.
"""

from __future__ import annotations

from typing import Any

from jaxseg.weights.formats.opaque import Name, Unread
from jaxseg.weights.formats.pickle_instructions import Malformed

KEY = 1_024  # The most characters of a string that is a key.
KEY_BITS = 60  # Integer keys stay below the modulus of Python's hash.
INTEGER_KEYS = 10_000  # Per dictionary, because integers can be made to collide.


def check_key(table: dict, key: Any) -> None:
    """Raises Malformed if a pickle program may not add a key to a dictionary.

    This is the case if the type of the key is not allowed, or if the dictionary already
    contains the key.

    Args:
      table: The dictionary.
      key: The new key.
    """
    kind = type(key)
    if kind is str:
        if len(key) > KEY:
            raise Malformed(
                f"a dictionary key has {len(key)} characters: expected at most {KEY}"
            )
    elif kind is int:
        if key.bit_length() > KEY_BITS or len(table) >= INTEGER_KEYS:
            raise Malformed(
                "a dictionary has integer keys that are too large or too many"
            )
    elif kind is not Name:
        raise Malformed(
            f"a dictionary has a key of type {kind.__name__}: expected a string or an "
            "integer"
        )
    if key in table:
        raise Malformed("a dictionary contains a key twice: expected distinct keys")


def extend(owner: Any, items: list[Any]) -> None:
    """Appends items to a list that a pickle program builds.

    Nothing happens if `owner` is a placeholder for an object that was not created.

    Args:
      owner: The list.
      items: The values to append.

    Raises:
      Malformed: If `owner` is neither a list nor a placeholder.
    """
    if type(owner) is list:
        owner += items
    elif type(owner) is not Unread:
        raise Malformed(
            f"the pickle appends to a {type(owner).__name__}: expected it to append "
            "only to lists"
        )


def fill(owner: Any, items: list[Any]) -> None:
    """Adds keys and values to a dictionary that a pickle program builds.

    Nothing happens if `owner` is a placeholder for an object that was not created.

    Args:
      owner: The dictionary.
      items: A list that alternates between keys and values.

    Raises:
      Malformed: If `owner` is neither a dictionary nor a placeholder, or if a key is
        not allowed.
    """
    if len(items) % 2:
        raise Malformed("this is not a pickle: a dictionary key has no value")
    if type(owner) is Unread:
        return
    if type(owner) is not dict:
        raise Malformed(
            f"the pickle sets items of a {type(owner).__name__}: expected it to set "
            "items only of dictionaries"
        )
    for key, value in zip(items[::2], items[1::2], strict=True):
        check_key(owner, key)
        owner[key] = value
