"""Parses class names and colors that a dataset lists in one string."""

from __future__ import annotations

from jaxseg.data.spec import Color


def names_of(text: str) -> tuple[str, ...]:
    """Returns a tuple of the names in a string of comma-separated names.

    >>> names_of("road, traffic light")
    ('road', 'traffic light')
    """
    return tuple(" ".join(name.split()) for name in text.split(","))


def colors_of(text: str) -> tuple[Color, ...]:
    """Converts hexadecimal colors, separated by blanks, to a tuple of RGB colors.

    >>> colors_of("000000 ff8000")
    ((0, 0, 0), (255, 128, 0))
    """
    return tuple(tuple(bytes.fromhex(word)) for word in text.split())
