"""Defines types that several packages of jaxseg share, and helpers for padding."""

from collections.abc import Mapping
from typing import Any, TypedDict

import jax

Array = jax.Array
Pyramid = dict[str, Array]  # "c1" has stride 2; "c5" has the output stride.
# "logits" [B, H, W, K] and, optionally, "aux*", "edge" and "extra_*".
Outputs = dict[str, Array]
Variables = Mapping[str, Any]  # "params" and, with batch normalization, "batch_stats".
# Height and width in pixels. Type checkers give `x.shape[1:3]` the second type.
Size = tuple[int, int] | tuple[int, ...]
Padding = int | tuple[int, int] | tuple[tuple[int, int], tuple[int, int]]


class Batch(TypedDict):
    """Describes a batch as the network receives it.

    Attributes:
      image: float32 [B, H, W, C], normalized.
      label: int32 [B, H, W], class indices. The ignore index is 255, or 65535 for more
        than 255 classes.
    """

    image: Array
    label: Array


class BinaryBatch(Batch):
    """Describes a batch for a binary task: a network with one logit for each pixel.

    At each pixel, the label is 0 for the background, 1 for the object, or the ignore
    index.
    """


class MultilabelBatch(TypedDict):
    """Describes a batch whose classes can overlap.

    Attributes:
      image: float32 [B, H, W, C], normalized.
      label: uint8 [B, H, W, K], 1 where class k is present.
      valid: Booleans [B, H, W], False at pixels that the loss and the scores ignore.
    """

    image: Array
    label: Array
    valid: Array


def pair(value: int | Size) -> tuple[int, int]:
    """Converts an option such as a stride to its values for rows and for columns.

    Args:
      value: An int for both directions, or a pair (rows, columns).
    """
    rows, columns = (value, value) if isinstance(value, int) else value
    return rows, columns


def padding_pairs(padding: Padding) -> tuple[tuple[int, int], tuple[int, int]]:
    """Converts a padding option to the form ((top, bottom), (left, right)).

    Args:
      padding: An int for all sides, a pair (rows, columns), or ((top, bottom), (left,
        right)).
    """
    if isinstance(padding, int):
        return ((padding, padding), (padding, padding))
    rows, columns = padding
    return pair(rows), pair(columns)
