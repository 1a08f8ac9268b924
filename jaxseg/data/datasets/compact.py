"""Reads class names and colors from text, for records with many classes."""

from __future__ import annotations

from jaxseg.data.spec import Color


def names_of(text: str) -> tuple[str, ...]:
    """Returns the names in a text, which are separated by commas.

    >>> names_of("road, traffic light")
    ('road', 'traffic light')
    """
    return tuple(" ".join(name.split()) for name in text.split(","))


def colors_of(text: str) -> tuple[Color, ...]:
    """Returns the colors in a text, which are separated by blanks.

    >>> colors_of("000000 ff8000")
    ((0, 0, 0), (255, 128, 0))
    """
    return tuple(tuple(bytes.fromhex(word)) for word in text.split())
