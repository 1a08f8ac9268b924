"""Determines which dimensions of a result correspond to rows and columns of the image.

A `Line` object states this for one dimension, see `jaxseg.analysis.regions.arrays`. For
each JAX primitive, the `Line` objects of the result follow from those of the operands.
"""

from __future__ import annotations

import itertools

from jaxseg.analysis.jaxpr.dependence_rules import ELEMENTWISE
from jaxseg.analysis.regions.arrays import Dims, Line, Value, fixed
from jaxseg.analysis.regions.band import Band

SAME = ELEMENTWISE | {"order_after"}
_REDUCED = ("sum", "max", "min", "prod", "and", "or", "xor")
REDUCTIONS = frozenset(("argmax", "argmin", *(f"reduce_{name}" for name in _REDUCED)))


def joined(values: list[Value], rank: int) -> Dims:
    """Determines which dimensions of an elementwise result are image rows or columns.

    Args:
      values: The operands. In each dimension, they have equal sizes, and equal factors
        if the dimension is merged. Operands of size 1 are broadcast.
      rank: The number of dimensions of the result. Scalar operands are ignored.

    Returns:
      A tuple with an item for each dimension of the result: a tuple of `Line` objects,
      one for each factor of the dimension, or an empty tuple if its size is 1. A `Line`
      states the size and the image axis.
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
    """Returns whether the dimensions of arrays are merged from factors of equal sizes.

    A reshape merges dimensions: [h, w] becomes [h * w], whose factors are h and w. Each
    factor is a `Line`. If the factors differ, they must be merged to one before an
    elementwise operation. Scalars and dimensions of size 1 are not compared.

    Args:
      values: The arrays.
      rank: The number of dimensions of the result.
      skip: The index of a dimension that is not compared, or None.
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
    """Determines which dimensions are image rows or columns after a reshape.

    A `Line` states the size and the image axis of a dimension. A reshape merges several
    into one dimension, or splits one into several.

    Args:
      dims: For each dimension before the reshape, the tuple of its `Line` objects.
      shape: The shape after the reshape.

    Returns:
      A pair: for each dimension after the reshape, the tuple of its `Line` objects; and
      for each `Line` before the reshape, the list of those into which it is split. None
      if a new size is neither a multiple nor a divisor of an old one.
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
    """Determines which dimensions of a result are rows or columns of the image.

    The operation, for example pooling, keeps the order of the dimensions. A dimension
    of the result corresponds to rows or columns of the image if the dimension of the
    operand with the same index does. The sizes can differ.

    Args:
      value: The operand. None of its dimensions is merged from several others.
      sizes: The shape of the result.
      features: The indices of the dimensions that correspond neither to rows nor to
        columns, such as channels.

    Returns:
      A tuple with an item for each dimension of the result: a tuple of one `Line`,
      which states its size and its image axis, or an empty tuple if the size is 1.
    """
    dims = []
    for dim, size in enumerate(sizes):
        axis = None
        if dim not in features and value.dims[dim]:
            axis = value.dims[dim][0].axis
        dims.append((Line(size, axis),) if size != 1 else ())
    return tuple(dims)


def broadcast_dims(value: Value, shape, places) -> Dims:
    """Describes each dimension of the result of `lax.broadcast_in_dim`.

    The result is a tuple with an item for each dimension: a tuple of `Line` objects,
    which state its size and whether it corresponds to rows or columns of the image.

    Args:
      value: The operand.
      shape: The shape of the result.
      places: For each dimension of the operand, the index of the corresponding
        dimension of the result.
    """
    dims = list(fixed(tuple(shape)))
    for dim, place in enumerate(places):
        if value.shape[dim] == shape[place]:
            dims[place] = value.dims[dim]
    return tuple(dims)


def concatenated_dims(values: list[Value], dim: int) -> Dims:
    """Describes each dimension of the concatenation of arrays along `dim`.

    The result is a tuple with an item for each dimension: a tuple of `Line` objects,
    which state its size and whether it corresponds to rows or columns of the image.
    """
    rank = len(values[0].dims)
    size = sum(value.shape[dim] for value in values)
    axes = {line.axis for v in values for line in v.dims[dim]} - {None}
    cut = [Value((*v.dims[:dim], (), *v.dims[dim + 1 :]), None) for v in values]
    dims = list(joined(cut, rank))
    dims[dim] = (Line(size, min(axes) if axes else None),)
    return tuple(dims)


def stacked_dims(values: list[Value], axis: int) -> Dims:
    """Describes each dimension of arrays that are stacked along a new `axis`.

    The result is a tuple with an item for each dimension: a tuple of `Line` objects,
    which state its size and whether it corresponds to rows or columns of the image.
    """
    dims = list(joined(values, len(values[0].dims)))
    dims.insert(axis, (Line(len(values)),) if len(values) > 1 else ())
    return tuple(dims)


def product_dims(left: Value, right: Value, numbers, band: Band | None) -> Dims:
    """Describes each dimension of the result of `lax.dot_general`.

    The result is a tuple with an item for each dimension: a tuple of `Line` objects,
    which state its size and whether it corresponds to rows or columns of the image.

    Args:
      left: The first operand.
      right: The second operand.
      numbers: The dimension numbers of `lax.dot_general`.
      band: Describes an operand that is a constant matrix and resizes one axis of the
        other operand. None if there is no such operand.
    """
    (contracted_l, contracted_r), (batch_l, batch_r) = numbers
    dims = []
    for a, b in zip(batch_l, batch_r, strict=True):
        one = Value((left.dims[a],), None), Value((right.dims[b],), None)
        dims.append(joined(list(one), 1)[0])
    for value, out in (
        (left, (*contracted_l, *batch_l)),
        (right, (*contracted_r, *batch_r)),
    ):
        free = [lines for dim, lines in enumerate(value.dims) if dim not in out]
        if band is not None and value is (left, right)[band.side]:
            other, dim = (right, left)[band.side], numbers[0][1 - band.side][0]
            free = [(Line(free[0][0].size, other.dims[dim][0].axis),)]
        dims += free
    return tuple(dims)


def moved_dims(eqn, ins: list[Value], shape: tuple[int, ...]) -> Dims:
    """Determines which dimensions of a convolution result are image rows or columns.

    The function also handles pooling, slices and gathers. For any other operation, it
    assumes that no dimension of the result corresponds to rows or columns of the image.

    Args:
      eqn: The equation of the jaxpr.
      ins: The operands.
      shape: The shape of the result.

    Returns:
      A tuple with an item for each dimension of the result: a tuple of `Line` objects,
      which state its size and its image axis.
    """
    name, params = eqn.primitive.name, eqn.params
    if name == "conv_general_dilated":
        numbers = params["dimension_numbers"]
        dims = list(fixed(shape))
        for a, b in zip(numbers.lhs_spec, numbers.out_spec, strict=True):
            if a != numbers.lhs_spec[1] and dims[b]:
                axis = ins[0].dims[a][0].axis if ins[0].dims[a] else None
                dims[b] = (Line(shape[b], axis),)
        return tuple(dims)
    if name in ("pad", "slice", "rev", "split", "dynamic_slice") or name.startswith(
        "reduce_window"
    ):
        return spatial(ins[0], shape, set())
    if name == "dynamic_update_slice":
        return joined([ins[0], Value(_stretched(ins[1], shape), None)], len(shape))
    if name == "gather":
        return _gathered(eqn, ins, shape)
    return fixed(shape)


def _stretched(value, shape):
    lines = itertools.zip_longest(value.dims, shape)
    return tuple(
        (Line(size, dim[0].axis if dim else None),) if size != 1 else ()
        for dim, size in lines
    )


def _gathered(eqn, ins, shape) -> Dims:
    """Returns the dimensions of the result of `jnp.take` along one dimension."""
    numbers = eqn.params["dimension_numbers"]
    kept = [d for d in range(len(ins[0].dims)) if d not in numbers.collapsed_slice_dims]
    dims = list(fixed(shape))
    if len(kept) != len(numbers.offset_dims):
        return tuple(dims)
    for old, new in zip(kept, numbers.offset_dims, strict=True):
        if ins[0].dims[old] and ins[0].shape[old] == shape[new]:
            dims[new] = (Line(shape[new], ins[0].dims[old][0].axis),)
    for old in numbers.collapsed_slice_dims:
        free = [d for d in range(len(shape)) if d not in numbers.offset_dims]
        if len(free) == 1 and dims[free[0]] and ins[0].dims[old]:
            axis = ins[0].dims[old][0].axis
            dims[free[0]] = (Line(shape[free[0]], axis),)
    return tuple(dims)
