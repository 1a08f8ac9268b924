"""Lists the costs of the convolutions and products of a jaxpr by module name.

The counting is that of `jaxseg.analysis.jaxpr.cost`. The name stack that flax and
`jax.named_scope` store in every equation separates the layers. The bytes that each
layer moves are counted too.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.extend import core

from jaxseg.analysis.jaxpr.cost import CALLS, PRODUCTS, live


@dataclasses.dataclass(frozen=True)
class LayerCost:
    """Contains the cost of one convolution or product, or of several under one name.

    Attributes:
      name: The path of modules, such as "backbone/layer1_0/conv1/conv".
      shape: The shape of the result.
      macs: Multiply-accumulates.
      weights: The number of elements of the second operand.
      activations: The number of elements written.
      moved: Bytes read and written if each operand passes through memory once.
    """

    name: str
    shape: tuple[int, ...]
    macs: int
    weights: int
    activations: int
    moved: int

    @property
    def flops(self) -> int:
        """Returns the floating-point operations, 2 * macs."""
        return 2 * self.macs

    @property
    def intensity(self) -> float:
        """Returns the FLOPs per byte moved, which are few where memory is the limit."""
        return self.flops / self.moved


def layer_costs(fn: Callable, *args: Any) -> list[LayerCost]:
    """Lists the products of `fn(*args)` in order of execution; nothing is computed.

    Products with a constant (an interpolation matrix) are not listed, as they are not
    part of `macs` in `count_cost`. The body of a scan counts once per iteration, that
    of a while loop once, and every branch of a conditional counts.
    """
    jaxpr = jax.make_jaxpr(fn)(*args).jaxpr
    return list(_walk(jaxpr, [True] * len(jaxpr.invars), "", 1))


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
            yield from _walk(body, passed, name, times * turns)


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
    """Sums costs by the first `depth` parts of the names; keeps the last shape."""
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
