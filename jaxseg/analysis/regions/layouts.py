"""Defines how the lines of the result of each primitive follow from its operands."""

from __future__ import annotations

from jaxseg.analysis.jaxpr.dependence_rules import ELEMENTWISE
from jaxseg.analysis.regions.arrays import Dims, Line, Value, fixed

SAME = ELEMENTWISE | {"order_after"}
REDUCTIONS = frozenset(
    "reduce_sum reduce_max reduce_min reduce_prod reduce_and reduce_or reduce_xor "
    "argmax argmin".split()
)


def joined(values: list[Value], rank: int) -> Dims:
    """Returns the dimensions of the elementwise combination of several values.

    Args:
      values: Values whose dimensions have equal lines or no lines.
      rank: The number of dimensions. Values of rank 0 are ignored.
    """
    dims = []
    for dim in range(rank):
        found = [v.dims[dim] for v in values if len(v.dims) == rank and v.dims[dim]]
        if not found:
            dims.append(())
            continue
        lines = []
        for same in zip(*found, strict=True):
            axes = [line.axis for line in same if line.axis]
            lines.append(Line(same[0].size, axes[0] if axes else None))
        dims.append(tuple(lines))
    return tuple(dims)


def same_lines(values: list[Value], rank: int, skip: int | None = None) -> bool:
    """Returns whether values can be combined elementwise without merging lines.

    Args:
      values: The values.
      rank: The number of dimensions of the result.
      skip: A dimension that is not compared.
    """
    for dim in range(rank):
        sizes = {
            tuple(line.size for line in v.dims[dim])
            for v in values
            if len(v.dims) == rank and v.dims[dim] and dim != skip
        }
        if len(sizes) > 1:
            return False
    return True


def regrouped(dims: Dims, shape: tuple[int, ...]) -> tuple[Dims, list] | None:
    """Returns the dimensions after a reshape, and how lines are split for it.

    Args:
      dims: The dimensions before the reshape.
      shape: The shape after it.

    Returns:
      The new dimensions, and for each old line the list of its parts. None if the
      reshape divides the lines irregularly.
    """
    lines = [line for dim in dims for line in dim]
    if 0 in shape:
        return None
    parts: list[list[Line]] = [[] for _ in lines]
    left = lines[0] if lines else None
    at, new = 0, []
    for size in shape:
        taken: list[Line] = []
        while size > 1:
            if left is None:
                return None
            if size % left.size == 0:
                piece, rest = left, None
            elif left.size % size == 0:
                piece = Line(size, left.axis)
                rest = Line(left.size // size)
            else:
                return None
            parts[at].append(piece)
            taken.append(piece)
            size //= piece.size
            left = rest
            if rest is None:
                at += 1
                left = lines[at] if at < len(lines) else None
        new.append(tuple(taken))
    return tuple(new), parts


def spatial(value: Value, sizes: tuple[int, ...], features: set[int]) -> Dims:
    """Returns the dimensions of a value of other size whose positions correspond.

    Args:
      value: The operand, whose dimensions have one line each.
      sizes: The shape of the result.
      features: The dimensions whose positions do not correspond, such as channels.
    """
    dims = []
    for dim, size in enumerate(sizes):
        axis = None
        if dim not in features and value.dims[dim]:
            axis = value.dims[dim][0].axis
        dims.append((Line(size, axis),) if size != 1 else ())
    return tuple(dims)


def broadcast_dims(value: Value, shape, places) -> Dims:
    """Returns the dimensions of the result of `lax.broadcast_in_dim`."""
    dims = list(fixed(tuple(shape)))
    for dim, place in enumerate(places):
        if value.shape[dim] == shape[place]:
            dims[place] = value.dims[dim]
    return tuple(dims)


def concatenated_dims(values: list[Value], dim: int) -> Dims:
    """Returns the dimensions of values that are concatenated along one dimension."""
    rank = len(values[0].dims)
    size = sum(value.shape[dim] for value in values)
    axes = {line.axis for v in values for line in v.dims[dim]} - {None}
    cut = [Value((*v.dims[:dim], (), *v.dims[dim + 1 :]), None) for v in values]
    dims = list(joined(cut, rank))
    dims[dim] = (Line(size, min(axes) if axes else None),)
    return tuple(dims)


def stacked_dims(values: list[Value], axis: int) -> Dims:
    """Returns the dimensions of values that are stacked along a new dimension."""
    dims = list(joined(values, len(values[0].dims)))
    dims.insert(axis, (Line(len(values)),) if len(values) > 1 else ())
    return tuple(dims)


def product_dims(left: Value, right: Value, numbers) -> Dims:
    """Returns the dimensions of the result of `lax.dot_general`."""
    (contracted_l, contracted_r), (batch_l, batch_r) = numbers
    dims = []
    for a, b in zip(batch_l, batch_r, strict=True):
        one = Value((left.dims[a],), None), Value((right.dims[b],), None)
        dims.append(joined(list(one), 1)[0])
    for value, out in (
        (left, (*contracted_l, *batch_l)),
        (right, (*contracted_r, *batch_r)),
    ):
        dims += [lines for dim, lines in enumerate(value.dims) if dim not in out]
    return tuple(dims)
