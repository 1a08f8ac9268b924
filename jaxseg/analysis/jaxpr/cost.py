"""Counts the multiply-accumulates of any JAX function from its jaxpr.

The function is only traced, not compiled or run, so its arguments may be shapes.

Convolutions and matrix products (`conv_general_dilated`, `dot_general`) count.
Elementwise arithmetic, pooling, normalization and resizing by gathers do not count, as
in published numbers. The following table gives the count for each primitive:

    convolution   B * O * H' * W' * kh * kw * I / groups, where H' x W' is the size of
                  the output; products with padded zeros count unless `padding=False`
    transposed    B * O * H * W * kh * kw * I / groups, where H x W is the size of the
                  input; the zeros that `lhs_dilation` inserts never count
    dot           batch * rows * columns * contracted
    scan          body * length
    cond          the most expensive branch
    while         body once (the number of iterations is not known), see
                  `Cost.while_loops`
    jit, remat, custom_jvp, custom_vjp ...  their body

Operations whose results are not used do not count, because the compiler drops them. An
example is an auxiliary head whose output is not returned.

An operation with a constant operand (an interpolation matrix, a blur or Sobel kernel)
counts in `fixed_macs` and not in `macs`. Therefore pass the weights as arguments:
weights that the function captures in a closure are constants too.

By default, `jaxseg.ops.conv` writes a depthwise convolution as shifted elementwise
products, which do not count. Build models with `BlockConfig(impl="lax")` to count them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.extend import core

from jaxseg.analysis.jaxpr.calls import CALLS, scan_sizes


@dataclasses.dataclass(frozen=True)
class Cost:
    """Contains the arithmetic of one call of a function.

    Attributes:
      macs: Multiply-accumulates of the convolutions and matrix products in which both
        operands depend on arguments.
      activations: The number of elements in the results of these operations.
      fixed_macs: Multiply-accumulates of the convolutions and matrix products with a
        constant operand.
      while_loops: The number of while loops that contain convolutions or matrix
        products. One iteration of each is counted, because their number is unknown.
    """

    macs: int = 0
    activations: int = 0
    fixed_macs: int = 0
    while_loops: int = 0

    def __add__(self, other: Cost) -> Cost:
        pairs = zip(dataclasses.astuple(self), dataclasses.astuple(other), strict=True)
        return Cost(*(a + b for a, b in pairs))

    def __mul__(self, times: int) -> Cost:
        return Cost(
            self.macs * times,
            activations=self.activations * times,
            fixed_macs=self.fixed_macs * times,
            while_loops=self.while_loops,
        )

    @property
    def flops(self) -> int:
        """Returns the floating-point operations, 2 for each multiply-accumulate."""
        return 2 * self.macs


def count_cost(fn: Callable, *args: Any, padding: bool = True) -> Cost:
    """Counts the arithmetic of `fn(*args)` without running it.

    Args:
      fn: Any function that JAX can trace.
      *args: Pytrees of arrays or of `jax.ShapeDtypeStruct`, including the weights.
      padding: Whether multiplications with the zeros of padding count. If not, the
        numbers equal those of XLA's own cost analysis.

    Returns:
      A `Cost`, with the number of multiply-accumulates in `.macs`.

    Raises:
      ValueError: If a primitive other than a while loop repeats convolutions or matrix
        products an unknown number of times.
    """
    closed = jax.make_jaxpr(fn)(*args)
    return jaxpr_cost(closed, padding=padding)


def count_cost_and_weights(
    fn: Callable, *args: Any, padding: bool = True
) -> tuple[Cost, Any]:
    """Counts the arithmetic of a function `fn(*args)` that returns (output, weights).

    `fn` is typically `model.init_with_output`. The arithmetic that initializes the
    weights does not count, so the cost is that of `model.apply`. A single trace yields
    both the cost and the shapes of the weights.

    Args:
      fn: Any function that JAX can trace and that returns (output, weights).
      *args: Pytrees of arrays or of `jax.ShapeDtypeStruct`.
      padding: Whether multiplications with the zeros of padding count.

    Returns:
      A pair: the `Cost`, and the weights as a tree of `jax.ShapeDtypeStruct`.
    """
    closed, (_, weights) = jax.make_jaxpr(fn, return_shape=True)(*args)
    jaxpr = closed.jaxpr
    outputs = len(jaxpr.outvars) - len(jax.tree.leaves(weights))
    given = dict.fromkeys([*jaxpr.invars, *_variables(jaxpr.outvars[outputs:])], True)
    cost, _ = _count(
        jaxpr.eqns, given=given, wanted=jaxpr.outvars[:outputs], padding=padding
    )
    return cost, weights


def jaxpr_cost(closed: core.ClosedJaxpr, *, padding: bool = True) -> Cost:
    """Returns the `Cost` of a traced program: the arithmetic of its closed jaxpr.

    The inputs of the program count as arguments, so that products of two of them are
    part of `Cost.macs`.
    """
    cost, _ = _walk(closed.jaxpr, [True] * len(closed.jaxpr.invars), padding)
    return cost


def count_parameters(params: Any) -> int:
    """Counts the elements in a tree of arrays or of `jax.ShapeDtypeStruct`."""
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))


def _walk(jaxpr, inputs: Sequence[bool], padding: bool):
    """Returns the cost of a jaxpr, and which outputs depend on arguments.

    `inputs` says which inputs do.
    """
    given = dict(zip(jaxpr.invars, inputs, strict=True))
    total, depends = _count(
        jaxpr.eqns, given=given, wanted=jaxpr.outvars, padding=padding
    )
    return total, [_known(depends, atom) for atom in jaxpr.outvars]


def _count(equations, given: dict, wanted, padding: bool):
    """Counts the cost of what leads from the given variables to the wanted ones.

    `given` says of each variable whether it depends on arguments. It is returned with
    all other variables added.
    """
    total, depends = Cost(), dict(given)
    for eqn in live(equations, given, wanted):
        flags = [_known(depends, atom) for atom in eqn.invars]
        cost, outputs = _equation(eqn, flags, padding)
        total += cost
        depends.update(zip(eqn.outvars, outputs, strict=True))
    return total, depends


def live(equations, given, wanted) -> list:
    """Returns the equations of a jaxpr that are needed to compute the wanted variables.

    Args:
      equations: The equations of a jaxpr, in order.
      given: Variables that are known already.
      wanted: The variables to compute.

    Returns:
      The needed equations, in order.
    """
    used = {*_variables(wanted)} - given.keys()
    kept = []
    for eqn in reversed(equations):
        if eqn.effects or not used.isdisjoint(eqn.outvars):
            used |= {*_variables(eqn.invars)} - given.keys()
            kept.append(eqn)
    return kept[::-1]


def _variables(atoms) -> list:
    return [atom for atom in atoms if not isinstance(atom, core.Literal)]


def _known(depends: dict, atom) -> bool:
    return not isinstance(atom, core.Literal) and depends.get(atom, False)


def _equation(eqn, flags, padding):
    name = eqn.primitive.name
    if name in PRODUCTS:
        macs = PRODUCTS[name](eqn, padding)
        own = all(flags[:2])
        elements = math.prod(eqn.outvars[0].aval.shape)
        cost = Cost(macs, elements) if own else Cost(fixed_macs=macs)
        return cost, [any(flags)]
    if name in _LOOPS:
        return _LOOPS[name](eqn, flags, padding)
    bodies = list(core.jaxprs_in_params(eqn.params))
    outputs = [any(flags)] * len(eqn.outvars)
    if not bodies:
        return Cost(), outputs
    if name in CALLS:
        (body,) = bodies
        return _walk(body, flags, padding)
    for body in bodies:
        cost, _ = _walk(body, [True] * len(body.invars), padding)
        if cost != Cost():
            raise ValueError(
                f"primitive={name!r} is invalid around convolutions or matrix "
                f"products: expected one of {sorted((*CALLS, *_LOOPS))}, because it is "
                "not known how often other JAX primitives run the operations that "
                "they contain."
            )
    return Cost(), outputs


def _scan(eqn, flags, padding):
    constants, carries = scan_sizes(eqn.params)
    inner = list(flags)
    inner[constants : constants + carries] = [True] * carries  # A carry is data.
    cost, _ = _walk(eqn.params["jaxpr"].jaxpr, inner, padding)
    return cost * eqn.params["length"], [True] * len(eqn.outvars)


def _while(eqn, flags, padding):
    total = Cost()
    for body in (eqn.params["cond_jaxpr"], eqn.params["body_jaxpr"]):
        cost, _ = _walk(body.jaxpr, [True] * len(body.jaxpr.invars), padding)
        total += cost
    if total != Cost():
        total += Cost(while_loops=1)
    return total, [True] * len(eqn.outvars)


def _cond(eqn, flags, padding):
    results = [_walk(b.jaxpr, flags[1:], padding) for b in eqn.params["branches"]]
    cost = max((cost for cost, _ in results), key=lambda c: c.macs + c.fixed_macs)
    outputs = zip(*(outputs for _, outputs in results), strict=True)
    return cost, [flags[0] or any(branch) for branch in outputs]


def _convolution(eqn, padding: bool) -> int:
    left, kernel = (var.aval.shape for var in eqn.invars)
    params = eqn.params
    numbers = params["dimension_numbers"]
    out = [eqn.outvars[0].aval.shape[axis] for axis in numbers.out_spec]
    taps = 1
    for i, pads in enumerate(params["padding"]):
        taps *= _axis_products(
            left[numbers.lhs_spec[2 + i]],
            kernel[numbers.rhs_spec[2 + i]],
            out[2 + i],
            window=(
                params["window_strides"][i],
                params["lhs_dilation"][i],
                params["rhs_dilation"][i],
                pads[0],
            ),
            padding=padding,
        )
    return out[0] * out[1] * kernel[numbers.rhs_spec[1]] * taps


def _axis_products(size: int, taps: int, out: int, *, window, padding: bool) -> int:
    """Counts pairs of output position and tap that meet an input along one axis."""
    stride, spread, rate, before = window
    if padding:
        return out * taps if spread == 1 else size * min(taps, out)
    position = np.arange(out)[:, None] * stride + np.arange(taps) * rate - before
    inside = (position >= 0) & (position <= (size - 1) * spread)
    return int((inside & (position % spread == 0)).sum())


def _dot(eqn, padding: bool) -> int:
    (contracted, _), _ = eqn.params["dimension_numbers"]
    left = eqn.invars[0].aval.shape
    depth = math.prod(left[axis] for axis in contracted)
    return math.prod(eqn.outvars[0].aval.shape) * depth


PRODUCTS = {"conv_general_dilated": _convolution, "dot_general": _dot}
_LOOPS = {"scan": _scan, "while": _while, "cond": _cond}
