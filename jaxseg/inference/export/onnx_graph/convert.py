"""Converts a traced JAX program to the nodes of an ONNX graph."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from jaxseg.analysis.jaxpr.calls import scan_sizes
from jaxseg.inference.export.onnx_graph import (
    elementwise,
    indexing,
    movement,
    sums,
    windows,
)
from jaxseg.inference.export.onnx_graph.elementwise import cast, storage_type
from jaxseg.inference.export.onnx_graph.graph import Graph, Value
from jaxseg.inference.export.onnx_graph.movement import full_name
from jaxseg.inference.export.onnx_graph.sizes import is_empty, is_known, sizes

# Larger results of known operands are computed by the file, which stays smaller.
_LARGEST_KNOWN = 1 << 16
_NESTED = {  # Operations that call another program, and the parameter that holds it.
    "checkpoint": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr",
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "remat2": "jaxpr",
}
_NUMPY = {
    "add": np.add,
    "convert_element_type": np.asarray,
    "copy": np.asarray,
    "max": np.maximum,
    "min": np.minimum,
    "mul": np.multiply,
    "neg": np.negative,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "sqrt": np.sqrt,
    "square": np.square,
    "sub": np.subtract,
}
_RULES = {
    **elementwise.RULES,
    **indexing.RULES,
    **movement.RULES,
    **sums.RULES,
    **windows.RULES,
}


def converted(program: Any, names: tuple[str, ...] = ("image",)) -> Graph:
    """Converts a program that `jax.make_jaxpr` has traced to an ONNX graph.

    Args:
      program: The program. Sizes of its inputs can be symbolic dimensions of
        `jax.export`.
      names: The names of the inputs.

    Returns:
      The graph. Its inputs and outputs have the same types as those of the program.

    Raises:
      ValueError: If an operation has no counterpart in ONNX. The message names it.
    """
    graph = Graph()
    values = []
    for name, variable in zip(names, program.jaxpr.invars, strict=True):
        aval = variable.aval
        graph.inputs.append((name, np.dtype(aval.dtype), aval.shape))
        _read_sizes(graph, name, aval.shape)
        stored = storage_type(aval.dtype)
        inner = name if stored == aval.dtype else cast(graph, name, stored)
        values.append(Value(inner))
    results = evaluated(graph, program.jaxpr, constants=program.consts, values=values)
    for value, variable in zip(results, program.jaxpr.outvars, strict=True):
        name, dtype = full_name(graph, value, variable), np.dtype(variable.aval.dtype)
        if storage_type(dtype) != dtype:
            name = cast(graph, name, dtype)
        graph.outputs.append((name, dtype, variable.aval.shape))
    return graph


def evaluated(
    graph: Graph, jaxpr: Any, *, constants: list, values: list[Value]
) -> list[Value]:
    """Adds the nodes of a program to a graph and returns its results as `Value`s.

    Args:
      graph: The graph, to which the nodes are added.
      jaxpr: The program, a `jaxpr` of JAX.
      constants: The arrays of the program's constants.
      values: The values of the program's arguments.
    """
    known = {
        **dict(zip(jaxpr.constvars, map(_constant, constants), strict=True)),
        **dict(zip(jaxpr.invars, values, strict=True)),
    }

    def read(variable):
        if hasattr(variable, "val"):
            return _constant(variable.val, variable.aval.dtype)
        return known[variable]

    for equation in jaxpr.eqns:
        operands = [read(variable) for variable in equation.invars]
        results = _applied(graph, equation, operands)
        known.update(zip(equation.outvars, results, strict=True))
    return [read(variable) for variable in jaxpr.outvars]


def _read_sizes(graph, name, shape):
    """Adds nodes that read those sizes of an input which are known only at run time.

    The names of their outputs are stored in `graph.sizes`.
    """
    for axis, side in enumerate(shape):
        symbol = str(side)
        if is_known([side]) or symbol in graph.sizes:
            continue
        if not symbol.isidentifier():
            raise ValueError(
                f"The size {symbol} of an input is not supported: expected an integer "
                "or the name of a symbolic dimension, such as h."
            )
        whole = graph.add("Shape", name)
        graph.sizes[symbol] = graph.add("Slice", whole, [axis], [axis + 1])


def _constant(array, dtype=None):
    # A number without a type of its own takes the type of the equation.
    array = np.asarray(array, dtype)
    return Value(array.astype(storage_type(array.dtype), copy=False))


def _applied(graph, equation, operands):
    name = equation.primitive.name
    avals = [variable.aval for variable in equation.outvars]
    if avals and all(is_empty(aval.shape) for aval in avals):
        # No operation but a concatenation, which skips them, reads empty arrays.
        return [Value(_empty(aval)) for aval in avals]
    if name in _NESTED:
        inner = equation.params[_NESTED[name]]
        constants = getattr(inner, "consts", [])
        jaxpr = getattr(inner, "jaxpr", inner)
        return evaluated(graph, jaxpr, constants=constants, values=operands)
    if name == "scan":
        return _scan(graph, equation, operands)
    if _can_compute(equation, operands):
        return _computed(equation, operands)
    if name not in _RULES:
        raise ValueError(
            f"The operation {name} of this network has no counterpart in ONNX files. "
            "Export to .stablehlo instead."
        )
    return _RULES[name](graph, equation, operands)


def _empty(aval):
    shape = [side if is_known([side]) else 0 for side in aval.shape]
    return np.zeros(shape, storage_type(aval.dtype))


def _can_compute(equation, operands):
    """Returns whether the results of an equation can be computed during the conversion.

    All operands must be known, and the results must be small enough for the file.
    """
    shapes = [variable.aval.shape for variable in equation.outvars]
    if not operands or not all(value.known for value in operands):
        return False
    if not all(map(is_known, shapes)):
        return False
    largest = max([_LARGEST_KNOWN, *(value.data.size for value in operands)])
    return all(np.prod(shape, dtype=np.int64) <= largest for shape in shapes)


def _computed(equation, operands):
    """Computes the results of an equation whose operands are known.

    NumPy computes the operations in `_NUMPY`, and JAX the others. JAX compiles a
    program for each shape, which takes much longer.
    """
    name = equation.primitive.name
    if name in _NUMPY:
        array = _NUMPY[name](*(value.data for value in operands))
        dtype = storage_type(equation.outvars[0].aval.dtype)
        array = np.asarray(array, dtype)
        return [Value(array, full=array.shape == equation.outvars[0].aval.shape)]
    arrays = []
    for value, variable in zip(operands, equation.invars, strict=True):
        aval = variable.aval
        array = np.broadcast_to(value.data, aval.shape) if aval.shape else value.data
        arrays.append(jax.numpy.asarray(array, aval.dtype))
    results = equation.primitive.bind(*arrays, **equation.params)
    results = results if equation.primitive.multiple_results else [results]
    return [_constant(result) for result in results]


def _scan(graph, equation, operands):
    """Converts `lax.scan` to the ONNX operator `Scan`; the body is a nested graph."""
    params = equation.params
    constants, carries = scan_sizes(params)
    body, inner = params["jaxpr"], Graph(outer=graph)
    names = [
        full_name(graph, value, variable)
        for value, variable in zip(operands, equation.invars, strict=True)
    ]
    values = [Value(name) for name in names[:constants]]
    for variable in body.jaxpr.invars[constants:]:
        name, aval = inner.new_name("element"), variable.aval
        inner.inputs.append((name, storage_type(aval.dtype), aval.shape))
        values.append(Value(name))
    results = evaluated(inner, body.jaxpr, constants=body.consts, values=values)
    for value, variable in zip(results, body.jaxpr.outvars, strict=True):
        # The outputs of a nested graph must be computed in it.
        name = inner.add("Identity", full_name(inner, value, variable))
        aval = variable.aval
        inner.outputs.append((name, storage_type(aval.dtype), aval.shape))
    read = len(names) - constants - carries
    if not read:  # `Scan` needs an input to count the steps.
        inner.inputs.append((inner.new_name("step"), np.dtype(np.int64), ()))
        names.append(graph.add("Expand", np.int64(0), sizes(graph, [params["length"]])))
        read = 1
    attributes = {"body": inner, "num_scan_inputs": read}
    if params["reverse"]:
        attributes["scan_input_directions"] = [1] * read
        if len(results) > carries:
            attributes["scan_output_directions"] = [1] * (len(results) - carries)
    found = graph.add("Scan", *names[constants:], outputs=len(results), **attributes)
    return [Value(name) for name in ([found] if len(results) == 1 else found)]
