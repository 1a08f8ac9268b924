"""Compares heights and widths in a program that is exported for images of any size.

`jax.export` traces such a program with open sizes: symbols that stand for the size of
the image, such as `32*h`. JAX can compute with them, but a comparison whose result
depends on the image raises an error. The functions here accept open sizes as well as
ordinary integers.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from jax.core import max_dim, min_dim
from jax.errors import InconclusiveDimensionOperation


def is_open(*sizes: Any) -> bool:
    """Returns whether any size is a symbol that depends on the image, not an integer.

    >>> is_open(1, 2)
    False
    """
    return not all(isinstance(size, int | np.integer) for size in sizes)


def certainly_below(size: Any, least: Any) -> bool:
    """Returns whether `size` is smaller than `least` for every possible image.

    If a size is symbolic and the answer depends on the image, the result is False.
    Checks for images that are too small therefore raise no error during the export. The
    exported program reports such images when it runs.

    >>> certainly_below(3, 4)
    True
    """
    try:
        return bool(size < least)
    except InconclusiveDimensionOperation:
        return False


class ImageTooSmall(ValueError):
    """Is raised for an image that is smaller than the network requires."""


def any_below(sizes: Sequence[Any], least: int) -> bool:
    """Returns whether at least one of `sizes` is smaller than `least` for every image.

    A symbolic size for which the answer depends on the image does not count as smaller;
    see `certainly_below`.
    """
    return any(certainly_below(size, least) for size in sizes)


def as_fraction(factor: float) -> Fraction:
    """Returns a scale factor as a `Fraction` of integers.

    Symbolic sizes can be multiplied and divided by integers, but not by floats.

    Raises:
      ValueError: If the factor is not a fraction with a denominator of at most 1000.

    >>> as_fraction(0.75)
    Fraction(3, 4)
    """
    found = Fraction(factor).limit_denominator(1000)
    if float(found) != factor:
        raise ValueError(
            f"scale={factor} is invalid for images of any size: expected a fraction "
            "such as 0.75. Fix the size of the images."
        )
    return found


def smaller(one: Any, other: Any) -> Any:
    """Returns the smaller of two sizes, each an integer or a symbol."""
    return min_dim(one, other) if is_open(one, other) else min(one, other)


def larger(one: Any, other: Any) -> Any:
    """Returns the larger of two sizes, each an integer or a symbol."""
    return max_dim(one, other) if is_open(one, other) else max(one, other)
