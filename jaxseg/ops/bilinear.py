"""Computes the neighbors and weights of linear interpolation along one axis."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxseg.ops.open_size import is_open
from jaxseg.typing import Array


class Taps(NamedTuple):
    """Contains the neighbors and weights of a linear interpolation along one axis.

    Entry i of the result is (1 - weight[i]) x[low[i]] + weight[i] x[high[i]].

    Attributes:
      low: The indices of the lower neighbors, int32 [n].
      high: The indices of the upper neighbors, int32 [n].
      weight: The weights of the upper neighbors, float32 [n].
    """

    low: np.ndarray | Array
    high: np.ndarray | Array
    weight: np.ndarray | Array


def taps(source: int, target: int, *, align_corners: bool = False) -> Taps:
    """Returns the neighbors and weights with which linear interpolation resizes a map.

    Entry i of the result is interpolated at position (i + 1/2) * source / target - 1/2
    of the map, limited to the range from 0 to source - 1. With `align_corners`, the
    position is i * (source - 1) / (target - 1). In a program that is exported for
    images of any size, a length can be a symbol (`jaxseg.ops.open_size`). The exported
    program then computes the neighbors and the weights when it runs.

    Args:
      source: The height or width of the map before resizing.
      target: The height or width of the map after resizing.
      align_corners: Whether the first and last entries of the map keep their values.

    Raises:
      ValueError: If a length is less than 1.
    """
    if is_open(source, target):
        return _open_taps(source, target, align_corners)
    for name, value in (("source", source), ("target", target)):
        if value < 1:
            raise ValueError(f"{name}={value} is invalid: expected a number >= 1.")
    index = np.arange(target, dtype=np.float64)
    if align_corners:
        position = index * ((source - 1) / max(target - 1, 1))
    else:
        position = (index + 0.5) * (source / target) - 0.5
    position = np.clip(position, 0, source - 1)
    low = np.floor(position).astype(np.int32)
    high = np.minimum(low + 1, source - 1).astype(np.int32)
    return Taps(low, high, (position - low).astype(np.float32))


def _open_taps(source: Any, target: Any, align_corners: bool) -> Taps:
    """Does the work of `taps` for symbolic lengths.

    It computes positions as fractions of integers, because float32 would round them.
    """
    index = jnp.arange(target)
    if align_corners:
        above, below = index * (source - 1), jnp.maximum(target - 1, 1)
    else:
        above, below = (2 * index + 1) * source - target, jnp.maximum(2 * target, 1)
    above = jnp.clip(above, 0, below * (source - 1))
    low = above // below
    weight = (above - low * below).astype(jnp.float32) / below.astype(jnp.float32)
    return Taps(low, jnp.minimum(low + 1, source - 1), weight)
