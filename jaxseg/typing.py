"""Names for the shapes that travel between the parts of jaxseg."""

from collections.abc import Mapping
from typing import Any, TypedDict

import jax

Array = jax.Array
Pyramid = dict[str, Array]  # "c1": stride 2, ..., "c5": stride 32 or the output stride
Outputs = dict[str, Array]  # "logits" [B, H, W, K]; optional "aux*", "edge"
Variables = Mapping[str, Any]  # "params" and, with batch norm, "batch_stats"
Size = tuple[int, int]  # height, width
Padding = int | tuple[int, int] | tuple[tuple[int, int], tuple[int, int]]


class Batch(TypedDict):
    """A batch as the network sees it."""

    image: Array  # float32 [B, H, W, C], normalized
    label: Array  # int32 [B, H, W], void = 255


def pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """`3` and `(3, 3)` mean the same: rows first, then columns."""
    return (value, value) if isinstance(value, int) else tuple(value)


def padding_pairs(padding: Padding) -> tuple[tuple[int, int], tuple[int, int]]:
    """An int, (rows, columns) or ((top, bottom), (left, right)), as the last form."""
    if isinstance(padding, int):
        return ((padding, padding), (padding, padding))
    return tuple((p, p) if isinstance(p, int) else tuple(p) for p in padding)
