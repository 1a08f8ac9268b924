"""Traces a function of an image to a list of operations that can be split into tiles.

Calls are expanded, loops of few steps are unrolled, and operations on constants are
evaluated. `jaxseg.analysis.regions.layouts` determines which dimensions of each result
correspond to rows and columns of the image, and `jaxseg.analysis.regions.reductions`
marks the global operations, such as global pooling.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.extend import core

from jaxseg.analysis.jaxpr.calls import BODIES, CALLS, scan_sizes
from jaxseg.analysis.jaxpr.constant_fold import fold_constant
from jaxseg.analysis.regions.arrays import Dims, Line, Node, Value, fixed
from jaxseg.analysis.regions.band import band_of
from jaxseg.analysis.regions.layouts import (
    REDUCTIONS,
    SAME,
    broadcast_dims,
    concatenated_dims,
    joined,
    moved_dims,
    product_dims,
    regrouped,
    same_lines,
    stacked_dims,
)
from jaxseg.analysis.regions.reductions import mark

_AXES = (None, "rows", "columns", None)
_LONGEST_LOOP = 64  # Loops of more steps are not unrolled.


@dataclasses.dataclass(frozen=True)
class Graph:
    """Contains the operations of a function whose first argument is an image.

    Attributes:
      nodes: The operations, each after those whose results it reads.
      inputs: The arguments in order; the first one is the image.
      output: The result.
    """

    nodes: list[Node]
    inputs: list[Value]
    output: Value


def trace(fn: Callable, image: Any, *rest: Any) -> Graph:
    """Traces a function of an image without running it.

    Args:
      fn: A function that returns one array.
      image: An array or `jax.ShapeDtypeStruct` [B, H, W, C].
      *rest: Further arguments, such as weights; arrays or shapes.

    Returns:
      A `Graph`: the operations on which the result depends, the arguments, and the
      result.
    """
    closed = jax.make_jaxpr(fn)(image, *rest)
    builder, inputs = _Builder(), []
    for i, var in enumerate(closed.jaxpr.invars):
        dims = fixed(var.aval.shape)
        if i == 0:
            dims = tuple(
                tuple(dataclasses.replace(line, axis=tag) for line in dim)
                for dim, tag in zip(dims, _AXES, strict=True)
            )
        inputs.append(Value(dims, var.aval.dtype, from_image=i == 0))
    (output,) = builder.run(closed.jaxpr, closed.consts, inputs, "")
    output = builder.merge(output)
    if len(output.dims) == 4:  # A map that grew from one pixel has lost its axes.
        output.dims = tuple(
            tuple(dataclasses.replace(line, axis=tag) for line in dim)
            for dim, tag in zip(output.dims, _AXES, strict=True)
        )
    return Graph(_needed(builder.nodes, output), inputs, output)


def _needed(nodes: list[Node], output: Value) -> list[Node]:
    """Returns the operations on whose results the output depends."""
    wanted, kept = {output}, []
    for node in reversed(nodes):
        if wanted.intersection(node.outs):
            kept.append(node)
            wanted.update(node.ins)
    return kept[::-1]


class _Builder:
    def __init__(self):
        self.nodes: list[Node] = []
        self.merged: dict[Value, Value] = {}

    def run(self, jaxpr, consts, inputs: list[Value], module: str) -> list[Value]:
        values = dict(zip(jaxpr.invars, inputs, strict=True))
        values |= {
            var: _constant(const)
            for var, const in zip(jaxpr.constvars, consts, strict=True)
        }

        def look(atom):
            return (
                _constant(atom.val) if isinstance(atom, core.Literal) else values[atom]
            )

        for eqn in jaxpr.eqns:
            path = "/".join(filter(None, (module, str(eqn.source_info.name_stack))))
            outs = self.equation(eqn, [look(atom) for atom in eqn.invars], path)
            values.update(zip(eqn.outvars, outs, strict=True))
        return [look(atom) for atom in jaxpr.outvars]

    def equation(self, eqn, ins: list[Value], module: str) -> list[Value]:
        name = eqn.primitive.name
        if name in CALLS:
            body = next(eqn.params[key] for key in BODIES if key in eqn.params)
            jaxpr, consts = (
                (body.jaxpr, body.consts) if hasattr(body, "consts") else (body, ())
            )
            return self.run(jaxpr, consts, ins, module)
        if name == "scan" and _short(eqn):
            return self.loop(eqn, ins, module)
        if name == "optimization_barrier":
            return ins
        if any(0 in var.aval.shape for var in eqn.outvars):
            return [
                _constant(np.zeros(v.aval.shape, v.aval.dtype)) for v in eqn.outvars
            ]
        if name == "concatenate":
            ins = [v for v in ins if 0 not in v.shape]
            if len(ins) == 1:
                return ins
        if len(eqn.outvars) == 1 and all(v.known is not None for v in ins):
            found = fold_constant(eqn, [v.known for v in ins])
            if found is not None:
                return [_constant(found)]
        ins, dims = self.lines_of(eqn, ins)
        outs = [
            Value(d, var.aval.dtype, from_image=any(v.from_image for v in ins))
            for d, var in zip(dims, eqn.outvars, strict=True)
        ]
        node = Node(name, ins, outs, dict(eqn.params), eqn, module)
        if name == "dot_general":
            node.params["band"] = band_of(ins, eqn.params["dimension_numbers"])
        mark(node)
        self.nodes.append(node)
        return outs

    def loop(self, eqn, ins, module):
        """Unrolls a `lax.scan` with only constants and a carry; returns the carry."""
        constants, _ = scan_sizes(eqn.params)
        carried, body = ins[constants:], eqn.params["jaxpr"]
        for _ in range(eqn.params["length"]):
            given = [*ins[:constants], *carried]
            carried = self.run(body.jaxpr, body.consts, given, module)
        return carried

    def merge(self, value: Value, dims=None) -> Value:
        """Returns an array in which each dimension has at most one `Line`.

        An operation "merge" is added for each dimension that has several.

        Args:
          value: The array.
          dims: The dimensions to merge. None merges all.
        """
        wanted = [
            d
            for d, lines in enumerate(value.dims)
            if len(lines) > 1 and (dims is None or d in dims)
        ]
        for dim in wanted:
            key = (value, dim)
            if key not in self.merged:
                self.merged[key] = self._merged(value, dim)
            value = self.merged[key]
        return value

    def _merged(self, value, dim):
        lines = value.dims[dim]
        size, axis = value.shape[dim], lines[0].axis
        dims = (*value.dims[:dim], (Line(size, axis),), *value.dims[dim + 1 :])
        result = dataclasses.replace(value, dims=dims, known=None)
        node = Node("merge", [value], [result], {"dim": dim})
        self.nodes.append(node)
        return result

    def lines_of(self, eqn, ins: list[Value]) -> tuple[list[Value], list[Dims]]:
        """Determines the `Line` objects of the results of an equation.

        Returns:
          The operands, in which dimensions are merged where the operation needs it, and
          the dimensions of each result.
        """
        name, params = eqn.primitive.name, eqn.params
        shapes = [var.aval.shape for var in eqn.outvars]
        rank = len(shapes[0])
        if name in SAME:
            ins = self.aligned(ins, rank)
            return ins, [joined(ins, rank)]
        if name == "reshape":
            found = regrouped(ins[0].dims, shapes[0])
            if found is None:
                ins = [self.merge(ins[0])]
                return ins, [fixed(shapes[0])]
            return ins, [found[0]]
        if name == "transpose":
            return ins, [tuple(ins[0].dims[d] for d in params["permutation"])]
        if name == "squeeze":
            gone = params["dimensions"]
            return ins, [tuple(x for d, x in enumerate(ins[0].dims) if d not in gone)]
        if name == "broadcast_in_dim":
            places = params["broadcast_dimensions"]
            return ins, [broadcast_dims(ins[0], params["shape"], places)]
        if name in REDUCTIONS:
            if name.startswith("arg"):
                ins = [self.merge(ins[0], params["axes"])]
            dims = tuple(
                x for d, x in enumerate(ins[0].dims) if d not in params["axes"]
            )
            return ins, [dims] * len(shapes)
        if name == "dot_general":
            return self.product(ins, params["dimension_numbers"])
        if name in ("concatenate", "stack"):
            axis = params["dimension" if name == "concatenate" else "axis"]
            if name == "stack":
                ins = self.aligned(ins, rank - 1)
                return ins, [stacked_dims(ins, axis)]
            ins = self.aligned([self.merge(v, [axis]) for v in ins], rank, axis)
            return ins, [concatenated_dims(ins, axis)]
        ins = [self.merge(value) for value in ins]
        return ins, [moved_dims(eqn, ins, shape) for shape in shapes]

    def aligned(self, ins, rank, skip=None):
        if same_lines(ins, rank, skip):
            return ins
        return [self.merge(value) for value in ins]

    def product(self, ins, numbers):
        contracted, batch = numbers
        for pairs in (*zip(*contracted, strict=True), *zip(*batch, strict=True)):
            sizes = [
                [x.size for x in v.dims[d]] for v, d in zip(ins, pairs, strict=True)
            ]
            if sizes[0] != sizes[1]:
                ins = [self.merge(v, [d]) for v, d in zip(ins, pairs, strict=True)]
        band = band_of(ins, numbers)
        return ins, [product_dims(*ins, numbers, band)]


def _constant(value) -> Value:
    array = np.asarray(value)
    return Value(fixed(array.shape), array.dtype, known=array)


def _short(eqn) -> bool:
    """Returns whether a `lax.scan` has few steps, and only constants and a carry."""
    constants, carries = scan_sizes(eqn.params)
    return (
        eqn.params["length"] <= _LONGEST_LOOP
        and constants + carries == len(eqn.invars)
        and carries == len(eqn.outvars)
    )
