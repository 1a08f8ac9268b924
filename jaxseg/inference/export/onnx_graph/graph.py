"""Collects the nodes and the constants of an ONNX graph.

This module does not need the package `onnx`. `jaxseg.inference.export.onnx` turns a
`Graph` into a file.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

# The values of the enumeration TensorProto.DataType in onnx.proto.
TENSOR_TYPES = {
    "float32": 1,
    "uint8": 2,
    "int8": 3,
    "uint16": 4,
    "int16": 5,
    "int32": 6,
    "int64": 7,
    "bool": 9,
    "uint32": 12,
}


@dataclasses.dataclass(frozen=True, eq=False)
class Value:
    """Refers to the value of a variable of the JAX program.

    Attributes:
      data: The name of a tensor in the graph, or the array itself if it is known.
      full: Whether the tensor has the shape of the variable. Otherwise it has the rank
        of the variable, but a size of 1 along some axes where all elements are equal.
        ONNX operators broadcast these axes, so few nodes for broadcasts are needed.
    """

    data: str | np.ndarray
    full: bool = True

    @property
    def known(self) -> bool:
        """Returns whether `data` is an array, which is independent of all inputs."""
        return isinstance(self.data, np.ndarray)


@dataclasses.dataclass(frozen=True)
class Node:
    """Describes one node of the graph.

    Attributes:
      operator: The name of the ONNX operator.
      inputs: The names of its inputs.
      outputs: The names of its outputs.
      attributes: Its attributes. A `Graph` stands for a nested graph.
    """

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


class Graph:
    """Collects nodes, and the constants that they read.

    A nested graph shares the names and the constants of the graph that contains it.
    """

    def __init__(self, outer: Graph | None = None) -> None:
        """Creates an empty graph.

        Args:
          outer: The graph with the node that has this graph as an attribute, if this
            graph is nested.
        """
        self.nodes: list[Node] = []
        self.inputs: list[tuple[str, np.dtype, tuple]] = []
        self.outputs: list[tuple[str, np.dtype, tuple]] = []
        self.constants: dict[str, np.ndarray] = outer.constants if outer else {}
        self._counter = outer._counter if outer else itertools.count()
        self._same: dict[Any, str] = outer._same if outer else {}
        self.sizes: dict[str, str] = dict(outer.sizes) if outer else {}

    def new_name(self, kind: str) -> str:
        """Returns a new name for a tensor.

        Args:
          kind: The beginning of the name, for readers of the graph.
        """
        return f"{kind}_{next(self._counter)}"

    def add(
        self, operator: str, *inputs: Any, outputs: int = 1, **attributes: Any
    ) -> Any:
        """Appends a node to the graph.

        Args:
          operator: The name of the ONNX operator.
          inputs: Names of tensors, or values of constants: arrays, numbers or
            sequences of numbers. Integers become int64, as ONNX wants shapes and axes.
          outputs: The number of outputs.
          attributes: The attributes of the node.

        Returns:
          The name of the output, or a list of names if there are several.
        """
        names = tuple(
            x if isinstance(x, str) else self.constant(np.asarray(x)) for x in inputs
        )
        results = tuple(self.new_name(operator) for _ in range(outputs))
        self.nodes.append(Node(operator, names, results, attributes))
        return results[0] if outputs == 1 else list(results)

    def constant(self, array: np.ndarray) -> str:
        """Returns the name of the constant with this value, which is added if missing.

        Args:
          array: The value.
        """
        if array.dtype.name not in TENSOR_TYPES:
            raise ValueError(
                f"ONNX export does not support constants of type {array.dtype}, "
                "which this network uses. Export to .stablehlo instead."
            )
        # Large weights are compared by identity, so that no copies of them are kept.
        small = array.nbytes <= 4096
        key = (array.dtype.name, array.shape, array.tobytes()) if small else id(array)
        if key not in self._same:
            self._same[key] = self.new_name("constant" if small else "weight")
            self.constants[self._same[key]] = array
        return self._same[key]

    def name_of(self, value: Value) -> str:
        """Returns the name of the tensor that contains a value.

        Args:
          value: The value. If it is a known array, it becomes a constant of the graph.
        """
        if isinstance(value.data, str):
            return value.data
        return self.constant(value.data)

    def concatenated(self, parts: Sequence[str | int]) -> str | np.ndarray:
        """Concatenates integers to a vector, int64 [number of integers].

        Returns it as an array if all integers are known. Otherwise adds a node and
        returns the name of its output.

        Args:
          parts: Integers, or names of tensors of shape [1].
        """
        if all(isinstance(part, int) for part in parts):
            return np.asarray(parts, np.int64)
        names = [
            part if isinstance(part, str) else self.constant(np.array([part], np.int64))
            for part in parts
        ]
        return names[0] if len(names) == 1 else self.add("Concat", *names, axis=0)
