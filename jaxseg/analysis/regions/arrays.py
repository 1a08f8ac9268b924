"""Defines the arrays and the operations of a traced program whose parts are followed.

An array of the program is a `Value`. Each of its dimensions consists of lines: one line
for an ordinary dimension, none for a dimension of size 1, and several lines for a
dimension that a reshape has merged. For example, [1, h, w, C] reshaped to [h * w, C]
has the dimensions (h, w) and (C,). A part of a value is a box, with one interval for
each line.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Line:
    """Describes one axis along which the elements of an array are arranged.

    Attributes:
      size: The number of positions.
      axis: The axis of the image along which the content varies, "rows" or "columns".
        None if it depends on no position in the image, as for channels.
    """

    size: int
    axis: str | None = None


Dims = tuple[tuple[Line, ...], ...]


@dataclasses.dataclass(eq=False)
class Value:
    """Describes one array of the program.

    Attributes:
      dims: The lines of each dimension.
      dtype: The type of the elements.
      known: The content, if it does not depend on the arguments of the program.
      from_image: Whether the content depends on the image.
      level: The number of successive global operations on which the content depends.
      partial: The axes of the image over which the true content is the sum of the
        contents that are computed from the parts of the image.
      align: Parts of the first line start and end at multiples of this number.
    """

    dims: Dims
    dtype: Any
    known: np.ndarray | None = None
    from_image: bool = False
    level: int = 0
    partial: frozenset[str] = frozenset()
    align: int = 1

    @property
    def lines(self) -> tuple[Line, ...]:
        """Returns the lines of all dimensions in order."""
        return tuple(line for dim in self.dims for line in dim)

    @property
    def shape(self) -> tuple[int, ...]:
        """Returns the size of each dimension."""
        return tuple(math.prod(line.size for line in dim) for dim in self.dims)

    def places(self, dim: int) -> list[int]:
        """Returns the numbers of the lines of a dimension among all lines."""
        first = sum(len(lines) for lines in self.dims[:dim])
        return list(range(first, first + len(self.dims[dim])))


@dataclasses.dataclass(eq=False)
class Node:
    """Describes one operation of the program.

    Attributes:
      kind: The name of the primitive, or "merge" for an operation that turns dimensions
        of several lines into dimensions of one line.
      ins: The operands.
      outs: The results.
      params: The parameters of the primitive.
      eqn: The equation, or None for "merge".
      module: The path of modules that contain the operation.
      reduced: For a sum, maximum, minimum or matrix product over positions of the
        image: the numbers of the lines of each operand over which it runs.
      cut: Whether the results are complete only after all parts of the image have been
        combined.
      opaque: Whether the results need all positions of an operand and cannot be
        combined from parts of the image.
    """

    kind: str
    ins: list[Value]
    outs: list[Value]
    params: dict[str, Any]
    eqn: Any = None
    module: str = ""
    reduced: tuple[tuple[int, ...], ...] = ()
    cut: bool = False
    opaque: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class Span:
    """Describes which positions along one axis of an array each tile needs.

    Attributes:
      axis: The axis of the image along which the interval moves from tile to tile, or
        None if it is the same for all tiles.
      start: The first position: a number, or an array with one entry per row or column
        of tiles.
      length: The number of positions.
      live: Which tiles need the interval, booleans with one entry per row or column of
        tiles. None if all need it.
    """

    axis: str | None
    start: Any
    length: int
    live: np.ndarray | None = None


def full(size: int) -> Span:
    """Returns the span of a whole line."""
    return Span(None, 0, size)


def fixed(shape: tuple[int, ...]) -> Dims:
    """Returns dimensions of one line each for an array of the given shape."""
    return tuple((Line(size),) if size != 1 else () for size in shape)
