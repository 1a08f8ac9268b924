"""Defines the names of the types that the parts of jaxseg exchange."""

from collections.abc import Mapping
from typing import Any, TypedDict

import jax

Array = jax.Array
Pyramid = dict[str, Array]  # "c1" has stride 2, ..., "c5" 32 or the output stride.
Outputs = dict[str, Array]  # "logits" [B, H, W, K]; optional "aux*", "edge"
Variables = Mapping[str, Any]  # "params" and, with batch norm, "batch_stats"
Size = tuple[int, int]  # height, width
Padding = int | tuple[int, int] | tuple[tuple[int, int], tuple[int, int]]


class Batch(TypedDict):
    """Holds a batch as the network receives it."""

    image: Array  # float32 [B, H, W, C], normalized
    label: Array  # int32 [B, H, W], void = 255


def pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """Returns (rows, columns); an int stands for both."""
    return (value, value) if isinstance(value, int) else tuple(value)


def padding_pairs(padding: Padding) -> tuple[tuple[int, int], tuple[int, int]]:
    """Returns the padding as ((top, bottom), (left, right)).

    Args:
      padding: An int for all sides, (rows, columns) or the result's form.
    """
    if isinstance(padding, int):
        return ((padding, padding), (padding, padding))
    return tuple((p, p) if isinstance(p, int) else tuple(p) for p in padding)
