"""Estimates the memory traffic and the border exchanges of a traced program (jaxpr).

The program is not compiled. Elementwise operations, reshaping and broadcasting do not
count, because compilers fuse them into the operations that read their results. All
other operations (convolutions, matrix products, reductions, pooling, gathers, padding,
sorting) read their operands from memory and write their results to memory. The body of
a scan counts once for each iteration, and the body of a while loop counts once. For a
conditional, only the branch with the most traffic counts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from jax.extend import core

from jaxseg.analysis.jaxpr.calls import CALLS
from jaxseg.analysis.jaxpr.memory import ALIASES, ELEMENTWISE

_FREE = ELEMENTWISE | {*ALIASES, "broadcast_in_dim", "iota", "slice"}
_LARGEST_KERNEL = 31  # A larger "kernel" is a map: the gradient of a kernel.


@dataclasses.dataclass(frozen=True)
class Traffic:
    """Contains the data that one call of a program moves.

    Attributes:
      moved: The bytes that are read from and written to memory.
      borders: The bytes that two devices must exchange if each of them holds half of
        the rows of every map. If the kernel of a convolution covers n rows, the
        devices exchange n - 1 rows of its input.
      convolutions: The number of convolutions whose kernel covers more than one row.
      operations: The number of operations that read and write memory.
    """

    moved: float = 0.0
    borders: float = 0.0
    convolutions: int = 0
    operations: int = 0

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic(
            self.moved + other.moved,
            borders=self.borders + other.borders,
            convolutions=self.convolutions + other.convolutions,
            operations=self.operations + other.operations,
        )

    def __mul__(self, times: int) -> Traffic:
        return Traffic(
            self.moved * times,
            borders=self.borders * times,
            convolutions=self.convolutions * times,
            operations=self.operations * times,
        )


def jaxpr_traffic(jaxpr: core.Jaxpr, size_of: Callable[[Any], float]) -> Traffic:
    """Estimates the bytes that a program moves, without compiling it.

    Args:
      jaxpr: The traced program.
      size_of: Maps a variable of the program to its bytes in the memory of a device.

    Returns:
      A `Traffic`: the bytes that are read from and written to memory, and the bytes of
      the border rows that two devices exchange if each holds half of the rows of a map.
    """
    total = Traffic()
    for eqn in jaxpr.eqns:
        name = eqn.primitive.name
        bodies = list(core.jaxprs_in_params(eqn.params))
        if bodies:
            parts = [jaxpr_traffic(body, size_of) for body in bodies]
            total += _together(eqn, parts)
        elif name not in _FREE:
            operands = [v for v in eqn.invars if not isinstance(v, core.Literal)]
            moved = sum(map(size_of, (*operands, *eqn.outvars)))
            total += Traffic(moved, operations=1)
            if name == "conv_general_dilated":
                total += _borders(eqn, size_of)
    return total


def _together(eqn: Any, parts: list[Traffic]) -> Traffic:
    """Returns the traffic of an equation from that of the programs inside it."""
    name = eqn.primitive.name
    if name == "scan":
        return parts[0] * eqn.params["length"]
    if name == "cond":
        return max(parts, key=lambda part: part.moved)
    if name in CALLS:
        return parts[0]
    return sum(parts, Traffic())


def _borders(eqn: Any, size_of: Callable[[Any], float]) -> Traffic:
    """Returns the rows that a convolution needs from a neighbor."""
    image, kernel = eqn.invars
    numbers = eqn.params["dimension_numbers"]
    height = kernel.aval.shape[numbers.rhs_spec[2]]
    rows = (height - 1) * eqn.params["rhs_dilation"][0]
    if not 0 < height - 1 < _LARGEST_KERNEL:
        return Traffic()
    size = image.aval.shape[numbers.lhs_spec[2]]
    share = min(1.0, rows / max(size, 1))
    return Traffic(borders=size_of(image) * share, convolutions=1)
