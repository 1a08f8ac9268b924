"""The neighbors and weights of linear interpolation along one axis."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Taps(NamedTuple):
    """Contains the neighbors and weights of a linear interpolation along one axis.

    Entry i of the result is (1 - weight[i]) x[low[i]] + weight[i] x[high[i]].

    Attributes:
      low: The indices of the lower neighbors, int32 [n].
      high: The indices of the upper neighbors, int32 [n].
      weight: The weights of the upper neighbors, float32 [n].
    """

    low: np.ndarray
    high: np.ndarray
    weight: np.ndarray


def taps(source: int, target: int, *, align_corners: bool = False) -> Taps:
    """Returns the neighbors and weights with which linear interpolation resizes a map.

    The position of output i is (i + 1/2) * source / target - 1/2, clipped to the axis
    of the map, or i * (source - 1) / (target - 1) with `align_corners`.

    Args:
      source: The length of the axis.
      target: The length of the result.
      align_corners: Whether the first and last entries keep their values.

    Raises:
      ValueError: If a length is less than 1.
    """
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
