"""Converts JAX reductions and matrix products to ONNX nodes."""

from __future__ import annotations

import functools
import string

import numpy as np

from jaxseg.inference.export.onnx_graph.elementwise import cast, storage_type
from jaxseg.inference.export.onnx_graph.graph import Value
from jaxseg.inference.export.onnx_graph.movement import full_name, transposed


def _reduce(operator, graph, equation, operands):
    name = full_name(graph, operands[0], equation.invars[0])
    boolean = np.dtype(equation.invars[0].aval.dtype) == bool
    if boolean:  # "or" is the largest value and "and" is the smallest.
        name = cast(graph, name, np.dtype(np.int32))
    axes = list(equation.params["axes"])
    name = graph.add(operator, name, axes, keepdims=0)
    return [Value(cast(graph, name, np.dtype(bool)) if boolean else name)]


def _arg(operator, graph, equation, operands):
    name = full_name(graph, operands[0], equation.invars[0])
    (axis,) = equation.params["axes"]
    if np.dtype(equation.invars[0].aval.dtype) == bool:
        name = cast(graph, name, np.dtype(np.int32))
    name = graph.add(operator, name, axis=axis, keepdims=0)
    return [Value(cast(graph, name, storage_type(equation.params["index_dtype"])))]


def _cumulative_sum(graph, equation, operands):
    name = full_name(graph, operands[0], equation.invars[0])
    axis, reverse = np.int64(equation.params["axis"]), equation.params["reverse"]
    return [Value(graph.add("CumSum", name, axis, reverse=int(reverse)))]


def _dot(graph, equation, operands):
    """Converts `lax.dot_general` to MatMul, or to Einsum if MatMul is too limited."""
    (left_sum, right_sum), (left_batch, right_batch) = equation.params[
        "dimension_numbers"
    ]
    left, right = (variable.aval for variable in equation.invars)
    names = [
        full_name(graph, value, variable)
        for value, variable in zip(operands, equation.invars, strict=True)
    ]
    if len(left_sum) == 1:
        left_free = _free(left, left_sum, left_batch)
        right_free = _free(right, right_sum, right_batch)
        if len(right_free) == 1 and (not left_batch or len(left_free) == 1):
            first = transposed(graph, names[0], (*left_batch, *left_free, *left_sum))
            second = transposed(
                graph, names[1], (*right_batch, *right_sum, *right_free)
            )
            return [Value(graph.add("MatMul", first, second))]
    letters = iter(string.ascii_lowercase)
    first = [next(letters) for _ in range(left.ndim)]
    second = [next(letters) for _ in range(right.ndim)]
    for mine, other in ((left_sum, right_sum), (left_batch, right_batch)):
        for a, b in zip(mine, other, strict=True):
            second[b] = first[a]
    result = [first[axis] for axis in (*left_batch, *_free(left, left_sum, left_batch))]
    result += [second[axis] for axis in _free(right, right_sum, right_batch)]
    rule = f"{''.join(first)},{''.join(second)}->{''.join(result)}"
    return [Value(graph.add("Einsum", *names, equation=rule))]


def _free(array, *taken):
    used = {axis for axes in taken for axis in axes}
    return [axis for axis in range(array.ndim) if axis not in used]


RULES = {
    "argmax": functools.partial(_arg, "ArgMax"),
    "argmin": functools.partial(_arg, "ArgMin"),
    "cumsum": _cumulative_sum,
    "dot_general": _dot,
    "reduce_and": functools.partial(_reduce, "ReduceMin"),
    "reduce_max": functools.partial(_reduce, "ReduceMax"),
    "reduce_min": functools.partial(_reduce, "ReduceMin"),
    "reduce_or": functools.partial(_reduce, "ReduceMax"),
    "reduce_prod": functools.partial(_reduce, "ReduceProd"),
    "reduce_sum": functools.partial(_reduce, "ReduceSum"),
}
