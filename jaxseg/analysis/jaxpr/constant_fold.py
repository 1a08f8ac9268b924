"""Evaluates index arithmetic in a jaxpr if its operands are constants."""

from __future__ import annotations

import math

import numpy as np


def fold_constant(eqn, values):
    """Evaluates one equation of a jaxpr whose operands are all constants.

    Args:
      eqn: The equation.
      values: The values of its operands.

    Returns:
      The value of its result, or None if the primitive is not supported or the result
      has more than `FOLD_LIMIT` elements. This limit does not apply to a broadcast.
    """
    name, aval = eqn.primitive.name, eqn.outvars[0].aval
    large = math.prod(aval.shape) > FOLD_LIMIT and name != "broadcast_in_dim"
    if name not in FOLDS or large:
        return None
    value = np.asarray(FOLDS[name](eqn, *values))
    return value.astype(aval.dtype, copy=False).reshape(aval.shape)


def _broadcast(eqn, value, *_):
    shape = [1] * len(eqn.params["shape"])
    for dim, place in enumerate(eqn.params["broadcast_dimensions"]):
        shape[place] = np.shape(value)[dim]
    return np.broadcast_to(np.reshape(value, shape), eqn.params["shape"])


def _iota(eqn):
    shape, dim = eqn.params["shape"], eqn.params["dimension"]
    line = np.arange(shape[dim]).reshape(
        [-1 if d == dim else 1 for d in range(len(shape))]
    )
    return np.broadcast_to(line, shape)


FOLD_LIMIT = 2**20  # Elements; index arithmetic is smaller.
FOLDS = {
    "broadcast_in_dim": _broadcast,
    "iota": _iota,
    "reshape": lambda eqn, x: x,
    "squeeze": lambda eqn, x: x,
    "convert_element_type": lambda eqn, x: x,
    "copy": lambda eqn, x: x,
    "materialize": lambda eqn, x: x,
    "order_after": lambda eqn, x, value: x,
    "transpose": lambda eqn, x: np.transpose(x, eqn.params["permutation"]),
    "select_n": lambda eqn, which, *cases: np.choose(np.asarray(which, int), cases),
    "clamp": lambda eqn, low, x, high: np.clip(x, low, high),
    "add": lambda eqn, a, b: np.add(a, b),
    "sub": lambda eqn, a, b: np.subtract(a, b),
    "mul": lambda eqn, a, b: np.multiply(a, b),
    "min": lambda eqn, a, b: np.minimum(a, b),
    "max": lambda eqn, a, b: np.maximum(a, b),
    "lt": lambda eqn, a, b: np.less(a, b),
    "ge": lambda eqn, a, b: np.greater_equal(a, b),
}
