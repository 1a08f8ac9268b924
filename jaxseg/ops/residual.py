"""Adds the branches of residual units."""

import functools
import operator

import jax

from jaxseg.ops.lowering.scheduling import materialize
from jaxseg.typing import Array


def residual_add(*branches: Array, relu: bool = False) -> Array:
    """Adds the branches of a residual unit.

    The sum is computed once and stored. Otherwise XLA on a CPU would compute the sums
    of all earlier units again in each unit (`jaxseg.ops.lowering.scheduling`).

    Args:
      *branches: Arrays of one shape.
      relu: Whether to apply ReLU to the sum.
    """
    total = functools.reduce(operator.add, branches)
    return materialize(jax.nn.relu(total) if relu else total)
