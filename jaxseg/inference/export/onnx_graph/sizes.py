"""Adds nodes that compute sizes from the size of the image, such as (h + 1) // 2."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxseg.inference.export.onnx_graph.graph import Graph

_BINARY = {ast.Add: "Add", ast.Sub: "Sub", ast.Mult: "Mul"}
_CALLS = {"max": "Max", "min": "Min"}


def size(graph: Graph, dimension: Any) -> int | str:
    """Returns a size as an integer, or as the name of a tensor that contains it.

    The tensor is int64 [1].

    JAX writes a size that depends on the input as an expression such as `h + 1`, where
    `h` is a named size of an input. `graph.sizes` has the tensors of the named sizes.

    Args:
      graph: The graph, to which the nodes are added.
      dimension: An integer, or a symbolic dimension of `jax.export`.
    """
    if isinstance(dimension, int | np.integer):
        return int(dimension)
    text = str(dimension).replace("^", "**")
    if text not in graph.sizes:
        graph.sizes[text] = _tensor(graph, ast.parse(text, mode="eval").body)
    return graph.sizes[text]


def sizes(graph: Graph, shape: Sequence[Any]) -> str | np.ndarray:
    """Returns a shape as an int64 array, or as the name of a tensor that contains it.

    The result is an array if all sizes are known, and otherwise the name of a tensor
    with one element for each size.

    Args:
      graph: The graph, to which the nodes are added.
      shape: Integers and symbolic dimensions.
    """
    return graph.concatenated([size(graph, dimension) for dimension in shape])


def is_known(shape: Sequence[Any]) -> bool:
    """Returns whether a shape consists of integers only."""
    return all(isinstance(dimension, int | np.integer) for dimension in shape)


def is_empty(shape: Sequence[Any]) -> bool:
    """Returns whether one of the sizes of a shape is known to be 0."""
    return any(is_known([side]) and side == 0 for side in shape)


def _tensor(graph, tree):
    found = _evaluated(graph, tree)
    return (
        graph.constant(np.array([found], np.int64)) if isinstance(found, int) else found
    )


def _evaluated(graph, tree):
    """Returns the value of a size expression, given as a Python syntax tree.

    It is an integer, or the name of the tensor that contains the value at run time.
    """
    if isinstance(tree, ast.Constant):
        return tree.value
    if isinstance(tree, ast.Name):
        return graph.sizes[tree.id]
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        value = _evaluated(graph, tree.operand)
        return -value if isinstance(value, int) else graph.add("Neg", value)
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Pow):
        value, power = _evaluated(graph, tree.left), _evaluated(graph, tree.right)
        result = value
        for _ in range(power - 1):
            result = graph.add("Mul", result, value)
        return result
    if isinstance(tree, ast.BinOp) and type(tree.op) in _BINARY:
        operands = _evaluated(graph, tree.left), _evaluated(graph, tree.right)
        return graph.add(_BINARY[type(tree.op)], *map(_one, operands))
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name):
        operands = [_one(_evaluated(graph, argument)) for argument in tree.args]
        return _called(graph, tree.func.id, operands)
    raise ValueError(
        f"ONNX export cannot compute the size {ast.unparse(tree)}, on which this "
        "network depends. Export to .stablehlo instead."
    )


def _called(graph, function, operands):
    if function in _CALLS:
        return graph.add(_CALLS[function], *operands)
    if function not in ("floordiv", "mod"):
        raise ValueError(
            f"ONNX export cannot compute the function {function} of a size, on which "
            "this network depends. Export to .stablehlo instead."
        )
    # `Div` of integers rounds towards zero and `Mod` has the sign of the divisor, as in
    # Python, so the remainder is subtracted first.
    rest = graph.add("Mod", *operands)
    if function == "mod":
        return rest
    return graph.add("Div", graph.add("Sub", operands[0], rest), operands[1])


def _one(operand):
    return np.array([operand], np.int64) if isinstance(operand, int) else operand
