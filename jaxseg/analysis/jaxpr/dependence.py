"""Finds which image rows and columns each output depends on, from the jaxpr.

The function is only traced, not compiled or run, so its weights may be shapes. The
answer is exact, for rows and for columns, through convolutions, pooling, resizing,
padding, slicing, reshaping, reductions and matrix products. For any other primitive,
each result is assumed to depend on everything that the operands depend on, and
`Reach.loose` names the primitive.

The result can be larger than the true dependence in three cases. Kernels are assumed to
have no zeros; `jaxseg.ops.conv_transpose` pads its kernel with zeros by default, so
build networks with `BlockConfig(impl="lax")`. Each output channel of a grouped
convolution is assumed to read all input channels. Rows and columns are tracked
separately, so an output is assumed to read every pixel in its rows and columns,
although a sum of branches may read fewer.
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
from jaxseg.analysis.jaxpr.dependence_mask import Spread, everything, join
from jaxseg.analysis.jaxpr.dependence_rules import RULES

_AXES = (1, 2)  # The rows and columns of [B, H, W, C].


@dataclasses.dataclass(frozen=True)
class Lines:
    """Contains the dependence of a map on the image along one axis, such as the rows.

    Attributes:
      mask: Booleans [h, H]. Entry [i, n] says whether output row i can depend on image
        row n.
      padded: Booleans [h]. Entry i says whether output row i can also read padding.
    """

    mask: np.ndarray
    padded: np.ndarray


@dataclasses.dataclass(frozen=True)
class Reach:
    """Contains the dependence of an output map on the image.

    Attributes:
      rows: The dependence of the rows of the map on the rows of the image.
      columns: The dependence of the columns of the map on the columns of the image.
      loose: The names of the primitives for which full dependence was assumed, because
        no exact rule exists.
    """

    rows: Lines
    columns: Lines
    loose: tuple[str, ...] = ()


def reach(fn: Callable, image: Any, *rest: Any) -> Any:
    """Finds which image rows and columns each output of `fn(image, *rest)` depends on.

    Args:
      fn: Any function that JAX can trace. It returns a pytree of maps [B, h, w, C].
      image: An array or `jax.ShapeDtypeStruct` [B, H, W, C].
      *rest: Further arguments, such as weights; arrays or shapes.

    Returns:
      The pytree that `fn` returns, in which a `Reach` with the rows and columns that a
      map depends on replaces this map.

    Raises:
      ValueError: If an output is not of rank 4 or does not depend on the image.
    """
    closed, shapes = jax.make_jaxpr(fn, return_shape=True)(image, *rest)
    inputs = len(closed.jaxpr.invars)
    loose: set[str] = set()
    found = []
    for axis in _AXES:
        size = image.shape[axis]
        start = Spread((axis,), np.eye(size, size + 1, dtype=bool))
        walker = _Walker(loose)
        given = [start, *[None] * (inputs - 1)]
        found.append(walker.run(closed.jaxpr, closed.consts, given, [None] * inputs)[0])
    outputs = [
        _reach(rows, columns=columns, leaf=leaf, loose=tuple(sorted(loose)))
        for rows, columns, leaf in zip(*found, jax.tree.leaves(shapes), strict=True)
    ]
    return jax.tree.unflatten(jax.tree.structure(shapes), outputs)


def _reach(rows, columns, leaf, loose):
    if len(leaf.shape) != 4:
        raise ValueError(
            f"output.shape={leaf.shape} is invalid: expected a map [B, h, w, C]."
        )
    if rows is None:
        raise ValueError(
            f"output of shape {leaf.shape} is invalid: expected that every output "
            "depends on the image. Remove the other outputs."
        )
    lines = []
    for axis, spread in zip(_AXES, (rows, columns), strict=True):
        mask = spread.without({0, 1, 2, 3} - {axis}).over((axis,), leaf.shape)
        lines.append(Lines(mask[:, :-1], mask[:, -1]))
    return Reach(*lines, loose)


class _Walker:
    """Interprets a jaxpr with spreads of one image axis instead of values."""

    def __init__(self, loose: set[str]):
        self.loose = loose

    def run(self, jaxpr, consts, spreads, values):
        """Returns the spreads and known values of the results."""
        spread = dict(zip(jaxpr.invars, spreads, strict=True))
        value = dict(zip(jaxpr.invars, values, strict=True))
        value |= dict(zip(jaxpr.constvars, consts, strict=True))

        def look(atom):
            if isinstance(atom, core.Literal):
                return None, atom.val
            return spread.get(atom), value.get(atom)

        for eqn in jaxpr.eqns:
            pairs = [look(atom) for atom in eqn.invars]
            results = self.equation(eqn, [p[0] for p in pairs], [p[1] for p in pairs])
            for var, found, known in zip(eqn.outvars, *results, strict=True):
                spread[var], value[var] = found, known
        pairs = [look(atom) for atom in jaxpr.outvars]
        return [p[0] for p in pairs], [p[1] for p in pairs]

    def equation(self, eqn, spreads, known):
        """Returns the spreads and known values of an equation's results."""
        name, unknown = eqn.primitive.name, [None] * len(eqn.outvars)
        if name in CALLS:
            jaxpr, consts = _body(eqn)
            return self.run(jaxpr, consts=consts, spreads=spreads, values=known)
        if all(spread is None for spread in spreads):
            constant = all(value is not None for value in known)
            return unknown, [fold_constant(eqn, known)] if constant and len(
                unknown
            ) == 1 else unknown
        if name == "scan":
            return self.scan(eqn, spreads), unknown
        if name == "cond":
            return self.cond(eqn, spreads), unknown
        if name not in RULES:
            self.loose.add(name)
        return RULES.get(name, everything)(eqn, spreads, known), unknown

    def scan(self, eqn, spreads):
        """Follows the carry until nothing new enters it, at most `length` times."""
        constants, carries = scan_sizes(eqn.params)
        body = eqn.params["jaxpr"]
        inner = list(spreads)
        for i, spread in enumerate(inner[constants + carries :], constants + carries):
            if spread is not None:
                numbers = {d: d - 1 for d in spread.dims if d}
                inner[i] = spread.without([0]).renamed(numbers)
        state = slice(constants, constants + carries)
        unknown = [None] * len(inner)
        for _ in range(eqn.params["length"]):
            results, _ = self.run(
                body.jaxpr, consts=body.consts, spreads=inner, values=unknown
            )
            shapes = [var.aval.shape for var in body.jaxpr.outvars[:carries]]
            merged = list(map(_either, inner[state], results[:carries], shapes))
            if all(map(_same, merged, inner[state])):
                break
            inner[state] = merged
        outputs = [
            s and s.renamed({d: d + 1 for d in s.dims}) for s in results[carries:]
        ]
        return [*inner[state], *outputs]

    def cond(self, eqn, spreads):
        """Returns the union of the branches and of what decides between them."""
        unknown = [None] * (len(spreads) - 1)
        runs = [
            self.run(b.jaxpr, consts=b.consts, spreads=spreads[1:], values=unknown)[0]
            for b in eqn.params["branches"]
        ]
        shapes = [var.aval.shape for var in eqn.outvars]
        merged = runs[0]
        for other in (*runs[1:], [spreads[0]] * len(shapes)):
            merged = list(map(_either, merged, other, shapes))
        return merged


def _body(eqn):
    body = next(eqn.params[key] for key in BODIES if key in eqn.params)
    return (body.jaxpr, body.consts) if hasattr(body, "consts") else (body, ())


def _either(a, b, shape):
    given = [spread for spread in (a, b) if spread is not None]
    return join(given, shape) if given else None


def _same(a, b):
    if a is None or b is None:
        return a is b
    return a.dims == b.dims and np.array_equal(a.mask, b.mask)
