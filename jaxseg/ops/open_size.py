"""Compares sizes of maps that are open, in a program for images of any size.

`jax.export` traces such a program with symbolic sizes, such as `32*h`. JAX computes
with them, but a comparison whose result depends on the image raises an error. The
functions here take open sizes and ordinary numbers alike.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from jax.core import max_dim, min_dim
from jax.errors import InconclusiveDimensionOperation


def is_open(*sizes: Any) -> bool:
    """Returns whether any of the sizes depends on the image.

    >>> is_open(1, 2)
    False
    """
    return not all(isinstance(size, int | np.integer) for size in sizes)


def certainly_below(size: Any, least: Any) -> bool:
    """Returns whether a size is smaller than another one for every possible image.

    If a size is symbolic and the answer depends on the image, the result is False. A
    check of sizes therefore passes while a program is exported, and the runtime of the
    program reports images that are too small.

    >>> certainly_below(3, 4)
    True
    """
    try:
        return bool(size < least)
    except InconclusiveDimensionOperation:
        return False


class ImageTooSmall(ValueError):
    """Is raised if an image is smaller than a network needs."""


def any_below(sizes: Sequence[Any], least: int) -> bool:
    """Returns whether any of the sizes is smaller than `least`, for every image."""
    return any(certainly_below(size, least) for size in sizes)


def as_fraction(factor: float) -> Fraction:
    """Returns a factor as a fraction, by which symbolic sizes can be multiplied.

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
    """Returns the smaller of two sizes, which can be open."""
    return min_dim(one, other) if is_open(one, other) else min(one, other)


def larger(one: Any, other: Any) -> Any:
    """Returns the larger of two sizes, which can be open."""
    return max_dim(one, other) if is_open(one, other) else max(one, other)
