"""Converts JAX operations that read or write at positions which the program computes.

The result is ONNX nodes for `gather`, `scatter` and `dynamic_slice`.
"""

from __future__ import annotations

import numpy as np

from jaxseg.inference.export.onnx_graph.graph import Value
from jaxseg.inference.export.onnx_graph.movement import (
    full_name,
    transposed,
)
from jaxseg.inference.export.onnx_graph.sizes import sizes


def _gather(graph, equation, operands):
    """Converts a `lax.gather` that indexes some axes and reads the other axes whole.

    A gather of one window is passed to `_window`. Any other gather of parts of an
    axis raises ValueError.
    """
    numbers = equation.params["dimension_numbers"]
    source, indices = (variable.aval for variable in equation.invars)
    extents = equation.params["slice_sizes"]
    read, batch = numbers.start_index_map, numbers.operand_batching_dims
    single = {*numbers.collapsed_slice_dims, *batch}
    whole = [axis for axis in range(source.ndim) if axis not in single]
    if set(read) | set(batch) != single or any(
        extents[axis] != source.shape[axis] for axis in whole
    ):
        if set(read).isdisjoint(single) and indices.ndim == 1:
            return _window(graph, equation, operands)
        raise ValueError(
            "ONNX export does not support the operation gather if it reads a part of "
            "an axis for each index, as in this network. Export to .stablehlo instead."
        )
    data = full_name(graph, operands[0], equation.invars[0])
    at = _indices(graph, operands[1], equation.invars[1], _ends(graph, source, read))
    outer = [i for i in range(indices.ndim - 1)]
    if len(read) == 1 and not batch:
        (axis,) = read
        at = graph.add("Squeeze", at, [-1])
        name = graph.add("Gather", data, at, axis=axis)
        found = [*whole[:axis], *(("index", i) for i in outer), *whole[axis:]]
    else:
        batched = numbers.start_indices_batching_dims
        rest = [i for i in outer if i not in batched]
        data = transposed(graph, data, (*batch, *read, *whole))
        at = transposed(graph, at, (*batched, *rest, indices.ndim - 1))
        name = graph.add("GatherND", data, at, batch_dims=len(batch))
        found = [*(("index", i) for i in (*batched, *rest)), *whole]
    offsets, order = iter(whole), iter(outer)
    wanted = [
        next(offsets) if axis in numbers.offset_dims else ("index", next(order))
        for axis in range(equation.outvars[0].aval.ndim)
    ]
    return [Value(transposed(graph, name, [found.index(axis) for axis in wanted]))]


def _ends(graph, source, axes):
    """Returns the last valid index along each of some axes of an array, as int64."""
    return sizes(graph, [source.shape[axis] - 1 for axis in axes])


def _indices(graph, value, variable, ends):
    """Returns the name of a tensor of indices, int64, clipped to 0 up to `ends`.

    This is what `mode="clip"` of JAX does. The modes that fill in other values differ
    only for indices outside of the array, which the networks do not use.
    """
    if value.known:
        full = np.broadcast_to(value.data, variable.aval.shape).astype(np.int64)
        if isinstance(ends, np.ndarray):
            return graph.constant(np.clip(full, 0, ends))
        name = graph.constant(full)
    else:
        name = graph.add("Cast", full_name(graph, value, variable), to=7)
    return graph.add("Min", graph.add("Max", name, np.int64(0)), ends)


def _window(graph, equation, operands):
    """Converts a `lax.gather` of one window, whose position the program computes."""
    numbers = equation.params["dimension_numbers"]
    source, extents = equation.invars[0].aval, equation.params["slice_sizes"]
    read = list(numbers.start_index_map)
    data = full_name(graph, operands[0], equation.invars[0])
    ends = sizes(graph, [source.shape[axis] - extents[axis] for axis in read])
    first = _indices(graph, operands[1], equation.invars[1], ends)
    last = graph.add("Add", first, sizes(graph, [extents[axis] for axis in read]))
    return [Value(graph.add("Slice", data, first, last, read))]


def _dynamic_slice(graph, equation, operands):
    source, extents = equation.invars[0].aval, equation.params["slice_sizes"]
    data = full_name(graph, operands[0], equation.invars[0])
    first = _starts(graph, operands[1:], source, extents)
    axes = list(range(source.ndim))
    last = graph.add("Add", first, sizes(graph, extents))
    return [Value(graph.add("Slice", data, first, last, axes))]


def _starts(graph, starts, source, extents):
    """Returns the first index of a window along each axis, as a tensor's name.

    The indices are clipped so that the window lies inside the array `source`.
    """
    parts = [
        graph.add("Reshape", graph.add("Cast", graph.name_of(start), to=7), [1])
        for start in starts
    ]
    first = graph.add("Concat", *parts, axis=0) if len(parts) > 1 else parts[0]
    pairs = zip(source.shape, extents, strict=True)
    ends = sizes(graph, [side - extent for side, extent in pairs])
    return graph.add("Min", graph.add("Max", first, np.int64(0)), ends)


def _scatter(graph, equation, operands):
    """Converts a `lax.scatter` that indexes some axes and replaces the others whole.

    Raises ValueError if the updates cover only a part of the other axes.
    """
    numbers = equation.params["dimension_numbers"]
    target, _, updates = (variable.aval for variable in equation.invars)
    axes = numbers.scatter_dims_to_operand_dims
    whole = [axis for axis in range(target.ndim) if axis not in axes]
    plain = (
        set(numbers.inserted_window_dims) == set(axes)
        and not numbers.operand_batching_dims
        and all(
            updates.shape[window] == target.shape[axis]
            for window, axis in zip(numbers.update_window_dims, whole, strict=True)
        )
    )
    if not plain:
        raise ValueError(
            "ONNX export does not support the operation scatter if it writes a part of "
            "an axis for each index, as in this network. Export to .stablehlo instead."
        )
    order = (*axes, *whole)
    data = transposed(graph, full_name(graph, operands[0], equation.invars[0]), order)
    at = _indices(graph, operands[1], equation.invars[1], _ends(graph, target, axes))
    windows = numbers.update_window_dims
    outer = [axis for axis in range(updates.ndim) if axis not in windows]
    new = full_name(graph, operands[2], equation.invars[2])
    new = transposed(graph, new, (*outer, *windows))
    name = graph.add("ScatterND", data, at, new)
    return [Value(transposed(graph, name, tuple(np.argsort(order).tolist())))]


RULES = {
    "dynamic_slice": _dynamic_slice,
    "gather": _gather,
    "scatter": _scatter,
}
