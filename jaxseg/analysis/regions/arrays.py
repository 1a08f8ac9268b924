"""Describes the arrays and the operations of a traced program.

The descriptions serve to find which part of each array a tile of the output needs. An
array is a `Value`. Each of its dimensions is a tuple of `Line` objects: one for an
ordinary dimension, none for a dimension of size 1, and several for a dimension that a
reshape has merged from several. For example, [1, h, w, C] reshaped to [h * w, C] has
the dimensions (h, w) and (C,). A part of an array is a box, which is given by one
interval, a `Span`, for each `Line`.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Line:
    """Describes one dimension of an array, or one factor of a merged dimension.

    Attributes:
      size: The number of positions.
      axis: "rows" or "columns" if the positions correspond to rows or columns of the
        image. None if they correspond to neither, as for channels.
    """

    size: int
    axis: str | None = None


Dims = tuple[tuple[Line, ...], ...]


@dataclasses.dataclass(eq=False)
class Value:
    """Describes one array of the program.

    Attributes:
      dims: For each dimension, its `Line` objects: several if a reshape has merged it
        from several dimensions, none if its size is 1.
      dtype: The type of the elements.
      known: The elements, if they do not depend on the arguments of the program.
      from_image: Whether the elements depend on the image.
      level: The number of successive operations over the whole image, such as global
        pooling, on which the elements depend.
      partial: "rows", "columns" or both if each tile computes only a part of a sum, so
        that the results of all tiles along these axes must be added.
      align: Intervals along the first `Line` must start and end at multiples of this
        number.
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
        """Returns the `Line` objects of all dimensions of the array in one tuple.

        An ordinary dimension has one `Line`. A dimension that is merged from several
        others has one for each of these factors, and a dimension of size 1 has none.
        """
        return tuple(line for dim in self.dims for line in dim)

    @property
    def shape(self) -> tuple[int, ...]:
        """Returns the size of each dimension of the array."""
        return tuple(math.prod(line.size for line in dim) for dim in self.dims)

    def places(self, dim: int) -> list[int]:
        """Returns which items of the tuple `lines` belong to one dimension.

        The result is a list of indices: one for an ordinary dimension, one for each
        factor of a merged dimension, and none for a dimension of size 1.

        Args:
          dim: The index of the dimension.
        """
        first = sum(len(lines) for lines in self.dims[:dim])
        return list(range(first, first + len(self.dims[dim])))


@dataclasses.dataclass(eq=False)
class Node:
    """Describes one operation of the program.

    Attributes:
      kind: The name of the JAX primitive, or "merge" for an operation that replaces
        the several factors of a merged dimension by one.
      ins: The arrays that are the operands.
      outs: The arrays that are the results.
      params: The parameters of the primitive.
      eqn: The equation of the jaxpr, or None for "merge".
      module: The path of the Flax modules that contain the operation.
      reduced: For a sum, maximum, minimum or matrix product over rows or columns of the
        image: for each operand, the indices in `Value.lines` of the reduced dimensions.
      cut: Whether the results are known only after the partial results of all tiles
        have been added, or their maximum or minimum has been taken.
      opaque: Whether the operation needs whole operands, because its results cannot be
        combined from partial results of tiles.
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
    """Describes the interval that each tile needs along one axis of an array.

    Attributes:
      axis: The axis of the image along which the interval moves from tile to tile, or
        None if it is the same for all tiles.
      start: The first position: a number, or an array with one entry per row or column
        of tiles.
      length: The number of positions.
      live: Whether the tiles need the interval: booleans, one for each row or column of
        tiles. None if all tiles need it.
    """

    axis: str | None
    start: Any
    length: int
    live: np.ndarray | None = None


def full(size: int) -> Span:
    """Returns the interval that contains all positions of an axis, as a `Span`.

    Args:
      size: The number of positions on the axis.
    """
    return Span(None, 0, size)


def fixed(shape: tuple[int, ...]) -> Dims:
    """Describes an array without dimensions that correspond to image rows or columns.

    Args:
      shape: The shape of the array.

    Returns:
      A tuple with an item for each dimension: a tuple of one `Line`, which states the
      size and the image axis None, or an empty tuple if the size is 1.
    """
    return tuple((Line(size),) if size != 1 else () for size in shape)
