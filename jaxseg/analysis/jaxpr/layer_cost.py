"""Lists the cost of each convolution and matrix product in a jaxpr.

Multiply-accumulates are counted as in `jaxseg.analysis.jaxpr.cost`. Layers are
distinguished by the module names that flax and `jax.named_scope` store in every
equation. The bytes that each layer reads and writes are counted too.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.extend import core

from jaxseg.analysis.jaxpr.calls import CALLS
from jaxseg.analysis.jaxpr.cost import PRODUCTS, live


@dataclasses.dataclass(frozen=True)
class LayerCost:
    """Contains the cost of one convolution or matrix product, or the sum of several.

    Attributes:
      name: The path of modules, such as "backbone/layer1_0/conv1/conv".
      shape: The shape of the result; for a sum, the shape of the last result.
      macs: Multiply-accumulates.
      weights: The number of elements of the second operand, usually the weights.
      activations: The number of elements of the result.
      moved: Bytes of the operands and the result, each of which is read or written
        once.
    """

    name: str
    shape: tuple[int, ...]
    macs: int
    weights: int
    activations: int
    moved: int

    @property
    def flops(self) -> int:
        """Returns the floating-point operations of the layer, 2 * macs."""
        return 2 * self.macs

    @property
    def intensity(self) -> float:
        """Returns the FLOPs of the layer per byte that it reads or writes.

        If this number is low, the memory bandwidth limits the speed."""
        return self.flops / self.moved


def layer_costs(fn: Callable, *args: Any) -> list[LayerCost]:
    """Lists the convolutions and matrix products of `fn(*args)` without running it.

    Operations with a constant operand, such as an interpolation matrix, are not listed.
    `count_cost` does not include them in `macs` either. The body of a scan counts once
    for each iteration, the body of a while loop counts once, and every branch of a
    conditional counts.

    Args:
      fn: Any function that JAX can trace.
      *args: Pytrees of arrays or of `jax.ShapeDtypeStruct`, including the weights.

    Returns:
      One `LayerCost` for each operation, in order of execution.
    """
    jaxpr = jax.make_jaxpr(fn)(*args).jaxpr
    return list(_walk(jaxpr, flags=[True] * len(jaxpr.invars), prefix="", times=1))


def _walk(jaxpr, flags, prefix, times):
    """Yields the layers, without products with operands that depend on no argument."""
    depends = {v for v, flag in zip(jaxpr.invars, flags, strict=True) if flag}
    given = dict.fromkeys(jaxpr.invars, True)
    for eqn in live(jaxpr.eqns, given, jaxpr.outvars):
        name = _join(prefix, str(eqn.source_info.name_stack))
        inner = [not isinstance(v, core.Literal) and v in depends for v in eqn.invars]
        if any(inner):
            depends.update(eqn.outvars)
        if eqn.primitive.name in PRODUCTS:
            if all(inner[:2]):
                yield _layer(eqn, name, times)
            continue
        turns = eqn.params["length"] if eqn.primitive.name == "scan" else 1
        for body in core.jaxprs_in_params(eqn.params):
            same = eqn.primitive.name in CALLS and len(body.invars) == len(inner)
            passed = inner if same else [True] * len(body.invars)
            yield from _walk(body, flags=passed, prefix=name, times=times * turns)


def _join(prefix: str, name: str) -> str:
    if not prefix or name.startswith(prefix):
        return name
    return f"{prefix}/{name}" if name else prefix


def _layer(eqn, name, times):
    result = eqn.outvars[0].aval
    operands = [var.aval for var in eqn.invars[:2]]
    sizes = [math.prod(aval.shape) for aval in (*operands, result)]
    moved = sum(
        size * aval.dtype.itemsize
        for size, aval in zip(sizes, (*operands, result), strict=True)
    )
    return LayerCost(
        name=name or eqn.primitive.name,
        shape=tuple(result.shape),
        macs=PRODUCTS[eqn.primitive.name](eqn, True) * times,
        weights=sizes[1],
        activations=sizes[2] * times,
        moved=moved * times,
    )


def grouped(layers: Sequence[LayerCost], depth: int) -> list[LayerCost]:
    """Sums the costs of layers whose names begin with the same modules.

    Args:
      layers: The costs, in order of execution.
      depth: The number of leading modules of a name to compare. With 2, the layers
        "a/b/c" and "a/b/d" are summed under the name "a/b".

    Returns:
      One `LayerCost` for each name, with the shape of its last layer.
    """
    groups: dict[str, list[LayerCost]] = {}
    for layer in layers:
        name = "/".join(layer.name.split("/")[:depth])
        groups.setdefault(name, []).append(layer)
    return [
        LayerCost(
            name,
            members[-1].shape,
            *(
                sum(getattr(member, field) for member in members)
                for field in ("macs", "weights", "activations", "moved")
            ),
        )
        for name, members in groups.items()
    ]
