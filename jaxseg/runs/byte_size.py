"""Reads sizes of memory in options, such as 16GiB."""

from __future__ import annotations

import re

from jaxseg.runs.rules import Rule, invalid

UNITS = {
    **{"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9},
    **{"KiB": 2**10, "MiB": 2**20, "GiB": 2**30},
}
EXPECTED = f"a positive number with a unit ({', '.join(UNITS)}), such as 16GiB"
_SIZE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?) ?([A-Za-z]{1,3})")


def parse_bytes(text: str, *, name: str) -> int:
    """Returns the number of bytes that a text such as "16GiB" or "1.5 GB" states.

    Args:
      text: A number and a unit.
      name: The name of the option, for errors.

    Raises:
      ValueError: If the text is not a positive number with a known unit.

    >>> parse_bytes("1.5KiB", name="train.memory")
    1536
    """
    size = _bytes(text)
    if size is None:
        raise ValueError(invalid(name, text, EXPECTED))
    return size


def byte_size() -> Rule:
    """Returns a `Rule` that checks options whose value is a size such as "16GiB"."""
    return Rule(lambda value: _bytes(value) is not None, EXPECTED)


def _bytes(text: str) -> int | None:
    """Returns the bytes that a text states, or None if it states no positive size."""
    found = _SIZE.fullmatch(text.strip()) if isinstance(text, str) else None
    unit = UNITS.get(found[2]) if found else None
    size = int(float(found[1]) * unit) if found and unit else 0
    return size if size > 0 else None
