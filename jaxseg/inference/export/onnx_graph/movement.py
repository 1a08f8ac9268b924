"""Converts JAX operations that only move or repeat elements to ONNX nodes.

Examples are reshapes, transpositions, slices and padding.
"""

from __future__ import annotations

import numpy as np

from jaxseg.inference.export.onnx_graph.elementwise import cast, storage_type
from jaxseg.inference.export.onnx_graph.graph import Graph, Value
from jaxseg.inference.export.onnx_graph.sizes import is_empty, is_known, size, sizes

_LAST = np.iinfo(np.int64).max


def full_name(graph: Graph, value: Value, variable: object) -> str:
    """Broadcasts a value to its variable's shape and returns the name of the tensor.

    Args:
      graph: The graph, to which a node is added if the tensor must be broadcast.
      value: The value.
      variable: The variable or literal of the JAX program that has this value.
    """
    name = graph.name_of(value)
    if value.full:
        return name
    return graph.add("Expand", name, sizes(graph, variable.aval.shape))


def reshaped(graph: Graph, name: str, shape: tuple) -> str:
    """Reshapes a tensor and returns the name of the result.

    Args:
      graph: The graph, to which the node is added.
      name: The name of the tensor.
      shape: The new shape: integers and symbolic dimensions.
    """
    open_axes = [i for i, side in enumerate(shape) if not is_known([side])]
    if len(open_axes) == 1:
        shape = [-1 if i == open_axes[0] else side for i, side in enumerate(shape)]
    return graph.add("Reshape", name, sizes(graph, shape))


def transposed(graph: Graph, name: str, order: tuple[int, ...]) -> str:
    """Permutes the axes of a tensor and returns the name of the result.

    Args:
      graph: The graph, to which the node is added.
      name: The name of the tensor.
      order: For each axis of the result, the position of this axis in the tensor.
    """
    if tuple(order) == tuple(range(len(order))):
        return name
    return graph.add("Transpose", name, perm=list(order))


def _reshape(graph, equation, operands):
    if equation.params.get("dimensions") is not None:
        raise ValueError(
            "ONNX export does not support a reshape that also permutes axes, which "
            "this network uses. Export to .stablehlo instead."
        )
    name = full_name(graph, operands[0], equation.invars[0])
    return [Value(reshaped(graph, name, equation.params["new_sizes"]))]


def _squeeze(graph, equation, operands):
    axes = equation.params["dimensions"]
    name = graph.name_of(operands[0])
    return [Value(graph.add("Squeeze", name, list(axes)), full=operands[0].full)]


def _broadcast(graph, equation, operands):
    """Converts `lax.broadcast_in_dim` by adding axes of size 1.

    The elements are repeated only where a later operation needs the full shape.
    """
    kept = equation.params["broadcast_dimensions"]
    shape = equation.params["shape"]
    name, old = graph.name_of(operands[0]), equation.invars[0].aval.shape
    added = [axis for axis in range(len(shape)) if axis not in kept]
    if added:
        name = graph.add("Unsqueeze", name, added)
    grown = any(shape[axis] != 1 for axis in added) or any(
        shape[axis] != side for axis, side in zip(kept, old, strict=True)
    )
    return [Value(name, full=operands[0].full and not grown)]


def _transpose(graph, equation, operands):
    name = transposed(graph, graph.name_of(operands[0]), equation.params["permutation"])
    return [Value(name, full=operands[0].full)]


def _concatenate(graph, equation, operands):
    axis = equation.params["dimension"]
    names = [
        full_name(graph, value, variable)
        for value, variable in zip(operands, equation.invars, strict=True)
        if not is_empty([variable.aval.shape[axis]])
    ]
    return [Value(graph.add("Concat", *names, axis=axis))]


def _stack(graph, equation, operands):
    axis = equation.params["axis"]
    names = [
        graph.add("Unsqueeze", full_name(graph, value, variable), [axis])
        for value, variable in zip(operands, equation.invars, strict=True)
    ]
    return [Value(graph.add("Concat", *names, axis=axis))]


def _split(graph, equation, operands):
    name = full_name(graph, operands[0], equation.invars[0])
    parts = sizes(graph, equation.params["sizes"])
    count = len(equation.outvars)
    names = graph.add("Split", name, parts, outputs=count, axis=equation.params["axis"])
    return [Value(part) for part in ([names] if count == 1 else names)]


def _slice(graph, equation, operands):
    params = equation.params
    starts, limits = params["start_indices"], params["limit_indices"]
    steps = params["strides"] or (1,) * len(starts)
    shape = equation.invars[0].aval.shape
    axes = [
        axis
        for axis, side in enumerate(shape)
        if (starts[axis], limits[axis], steps[axis]) != (0, side, 1)
    ]
    name = full_name(graph, operands[0], equation.invars[0])
    if not axes:
        return [Value(name)]
    chosen = [[values[axis] for axis in axes] for values in (starts, limits, steps)]
    first, last, step = (sizes(graph, values) for values in chosen)
    return [Value(graph.add("Slice", name, first, last, axes, step))]


def _reverse(graph, equation, operands):
    axes = list(equation.params["dimensions"])
    name = full_name(graph, operands[0], equation.invars[0])
    count = len(axes)
    ends = [-_LAST] * count
    return [Value(graph.add("Slice", name, [-1] * count, ends, axes, [-1] * count))]


def padded(graph: Graph, name: str, pairs: list[tuple], fill: str | np.ndarray) -> str:
    """Pads or crops a tensor and returns the name of the result.

    Args:
      graph: The graph, to which the nodes are added.
      name: The name of the tensor.
      pairs: The numbers of elements to add at the start and end of each axis, integers
        or symbolic dimensions. Negative numbers remove elements.
      fill: The value of the added elements, a scalar.
    """
    crops = [tuple(0 if _grows(w) else w for w in pair) for pair in pairs]
    grows = [tuple(w if _grows(w) else 0 for w in pair) for pair in pairs]
    if any(w != 0 for pair in grows for w in pair):
        before, after = zip(*grows, strict=True)
        widths = sizes(graph, (*before, *after))
        name = graph.add("Pad", name, widths, fill, mode="constant")
    axes = [axis for axis, pair in enumerate(crops) if pair != (0, 0)]
    if axes:
        first = [-crops[axis][0] for axis in axes]
        last = [crops[axis][1] or _LAST for axis in axes]
        name = graph.add("Slice", name, first, last, axes)
    return name


def _grows(width):
    """Returns whether a padding width is symbolic or not negative."""
    return not is_known([width]) or width >= 0


def _pad(graph, equation, operands):
    config = equation.params["padding_config"]
    name = full_name(graph, operands[0], equation.invars[0])
    fill, shape = graph.name_of(operands[1]), equation.invars[0].aval.shape
    for axis, (_, _, between) in enumerate(config):
        if between:
            name = _spread(graph, name, shape, axis, between, fill)
            shape = (
                *shape[:axis],
                (shape[axis] - 1) * (between + 1) + 1,
                *shape[axis + 1 :],
            )
    return [Value(padded(graph, name, [pair[:2] for pair in config], fill))]


def _spread(graph, name, shape, axis, between, fill):
    """Inserts `between` copies of `fill` between neighboring elements along an axis."""
    rank = len(shape)
    name = graph.add("Unsqueeze", name, [axis + 1])
    widths = [0] * (rank + 1) + [0] * (axis + 1) + [between] + [0] * (rank - axis - 1)
    name = graph.add("Pad", name, widths, fill, mode="constant")
    longer = shape[axis] * (between + 1)
    name = reshaped(graph, name, (*shape[:axis], longer, *shape[axis + 1 :]))
    return graph.add("Slice", name, [0], [-between], [axis])


def _iota(graph, equation, operands):
    if operands:
        raise ValueError(
            "ONNX export does not support the operation iota if its shape depends on "
            "the input, as in this network. Export to .stablehlo instead."
        )
    params, shape = equation.params, equation.params["shape"]
    axis, dtype = params["dimension"], storage_type(params["dtype"])
    count = size(graph, shape[axis])
    if isinstance(count, int):
        numbers = np.arange(count).astype(dtype)
        others = [1 if i != axis else -1 for i in range(len(shape))]
        return [Value(numbers.reshape(others), full=_alone(shape, axis))]
    scalar = graph.add("Squeeze", count, [0])
    name = graph.add("Range", np.int64(0), scalar, np.int64(1))
    if dtype != np.int64:
        name = cast(graph, name, dtype)
    others = [i for i in range(len(shape)) if i != axis]
    name = graph.add("Unsqueeze", name, others) if others else name
    return [Value(name, full=_alone(shape, axis))]


def _alone(shape, axis):
    return all(side == 1 for i, side in enumerate(shape) if i != axis)


def _dimension(graph, equation, operands):
    found = size(graph, equation.params["dim"])
    if isinstance(found, int):
        return [Value(np.asarray(found, np.int32))]
    return [Value(cast(graph, graph.add("Squeeze", found, [0]), np.dtype(np.int32)))]


RULES = {
    "broadcast_in_dim": _broadcast,
    "concatenate": _concatenate,
    "dim_as_value": _dimension,
    "iota": _iota,
    "pad": _pad,
    "reshape": _reshape,
    "rev": _reverse,
    "slice": _slice,
    "split": _split,
    "squeeze": _squeeze,
    "stack": _stack,
    "transpose": _transpose,
}
