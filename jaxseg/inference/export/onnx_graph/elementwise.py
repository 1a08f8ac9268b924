"""Converts elementwise JAX operations, such as additions, to ONNX nodes.

The function that converts an operation takes the graph, an equation of the traced
program and the values of its operands. It adds nodes to the graph and returns a list of
`Value` objects, which refer to the results of the operation.
"""

from __future__ import annotations

import functools

import numpy as np

from jaxseg.inference.export.onnx_graph.graph import TENSOR_TYPES, Graph, Value


def storage_type(dtype: np.dtype) -> np.dtype:
    """Returns the type with which the ONNX graph stores arrays of a JAX type.

    Runtimes implement few operators for 8- and 16-bit integers, so these become int32.

    Args:
      dtype: The type of a JAX array.

    Raises:
      ValueError: If no type of ONNX represents it.
    """
    name = np.dtype(dtype).name
    if name in ("int8", "uint8", "int16", "uint16", "int32"):
        return np.dtype(np.int32)
    if name in ("uint32", "int64"):
        return np.dtype(np.int64)
    if name in ("float32", "bool"):
        return np.dtype(name)
    raise ValueError(
        f"Numbers of type {name} are not supported in ONNX files, because few "
        "runtimes compute with them. Set train.dtype to float32 in config.json of the "
        "run, whose parameters are float32 in any case."
    )


def cast(graph: Graph, name: str, dtype: np.dtype) -> str:
    """Converts a tensor to another type and returns the name of the new tensor.

    Args:
      graph: The graph, to which the node is added.
      name: The name of the tensor.
      dtype: The new type, one of `graph.TENSOR_TYPES`.
    """
    return graph.add("Cast", name, to=TENSOR_TYPES[np.dtype(dtype).name])


def _names(graph, operands):
    return [graph.name_of(value) for value in operands]


def _result(equation, name, operands):
    """Returns the tensor `name` as the only result of an equation, in a list.

    `full` is True if an operand of the rank of the result has its full shape.
    """
    rank = equation.outvars[0].aval.ndim
    pairs = zip(operands, equation.invars, strict=True)
    return [Value(name, full=any(x.full and v.aval.ndim == rank for x, v in pairs))]


def _simple(operator, graph, equation, operands):
    return _result(equation, graph.add(operator, *_names(graph, operands)), operands)


def _chain(operators, graph, equation, operands):
    """Applies several unary ONNX operators one after the other."""
    (name,) = _names(graph, operands)
    for operator in operators:
        name = graph.add(operator, name)
    return _result(equation, name, operands)


def _same(graph, equation, operands):
    return list(operands)


def _rem(graph, equation, operands):
    return _result(
        equation, graph.add("Mod", *_names(graph, operands), fmod=1), operands
    )


def _square(graph, equation, operands):
    (name,) = _names(graph, operands)
    return _result(equation, graph.add("Mul", name, name), operands)


def _integer_pow(graph, equation, operands):
    (name,), power = _names(graph, operands), equation.params["y"]
    dtype = storage_type(equation.invars[0].aval.dtype)
    return _result(equation, graph.add("Pow", name, np.array(power, dtype)), operands)


def _round(graph, equation, operands):
    if equation.params["rounding_method"].name != "TO_NEAREST_EVEN":
        raise ValueError(
            "ONNX has no rounding of halves away from zero, which this network uses. "
            "Export to .stablehlo instead."
        )
    return _simple("Round", graph, equation, operands)


def _not_equal(graph, equation, operands):
    equal = graph.add("Equal", *_names(graph, operands))
    return _result(equation, graph.add("Not", equal), operands)


def _logical(operator, graph, equation, operands):
    if np.dtype(equation.outvars[0].aval.dtype) != bool:
        raise ValueError(
            "ONNX export does not support operations on the bits of integers, which "
            "this network uses. Export to .stablehlo instead."
        )
    return _simple(operator, graph, equation, operands)


def _select(graph, equation, operands):
    chosen, *names = _names(graph, operands)
    result = names[0]
    boolean = np.dtype(equation.invars[0].aval.dtype) == bool
    for index, name in enumerate(names[1:], 1):
        here = chosen if boolean else graph.add("Equal", chosen, np.int32(index))
        result = graph.add("Where", here, name, result)
    return _result(equation, result, operands)


def _clamp(graph, equation, operands):
    low, x, high = _names(graph, operands)
    name = graph.add("Min", graph.add("Max", x, low), high)
    return _result(equation, name, operands)


def _convert(graph, equation, operands):
    (name,) = _names(graph, operands)
    source = storage_type(equation.invars[0].aval.dtype)
    target = storage_type(equation.params["new_dtype"])
    return _result(
        equation, name if source == target else cast(graph, name, target), operands
    )


def _complement(operator, graph, equation, operands):
    """Adds nodes for 1 - f(x), where f is a unary ONNX operator."""
    (name,) = _names(graph, operands)
    one = np.float32(1)
    return _result(equation, graph.add("Sub", one, graph.add(operator, name)), operands)


def _expm1(graph, equation, operands):
    (name,) = _names(graph, operands)
    return _result(
        equation, graph.add("Sub", graph.add("Exp", name), np.float32(1)), operands
    )


def _log1p(graph, equation, operands):
    (name,) = _names(graph, operands)
    return _result(
        equation, graph.add("Log", graph.add("Add", name, np.float32(1))), operands
    )


_SIMPLE = {
    "abs": "Abs",
    "add": "Add",
    "add_any": "Add",
    "ceil": "Ceil",
    "cos": "Cos",
    "div": "Div",  # Both divide integers towards zero.
    "eq": "Equal",
    "erf": "Erf",
    "exp": "Exp",
    "floor": "Floor",
    "ge": "GreaterOrEqual",
    "gt": "Greater",
    "le": "LessOrEqual",
    "log": "Log",
    "logistic": "Sigmoid",
    "lt": "Less",
    "max": "Max",
    "min": "Min",
    "mul": "Mul",
    "neg": "Neg",
    "pow": "Pow",
    "sign": "Sign",
    "sin": "Sin",
    "sqrt": "Sqrt",
    "sub": "Sub",
    "tanh": "Tanh",
}

RULES = {
    **{name: functools.partial(_simple, op) for name, op in _SIMPLE.items()},
    "and": functools.partial(_logical, "And"),
    "or": functools.partial(_logical, "Or"),
    "not": functools.partial(_logical, "Not"),
    "xor": functools.partial(_logical, "Xor"),
    "clamp": _clamp,
    "convert_element_type": _convert,
    "erfc": functools.partial(_complement, "Erf"),
    "expm1": _expm1,
    "integer_pow": _integer_pow,
    "log1p": _log1p,
    "ne": _not_equal,
    "rem": _rem,
    "round": _round,
    "rsqrt": functools.partial(_chain, ("Sqrt", "Reciprocal")),
    "select_n": _select,
    "square": _square,
    **dict.fromkeys(
        ("copy", "copy_p", "optimization_barrier", "stop_gradient"),
        _same,
    ),
}
