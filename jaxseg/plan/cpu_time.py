"""Estimates the time of a training step on CPU devices, such as simulated ones.

Simulated devices share the cores of one computer, and their networks are often small.
The time is therefore the sum of the times of arithmetic, memory traffic, operations and
exchanges; none of them hides another one. Only the order of the estimates matters, so
that rates of one processor suffice. Those of operations and exchanges were measured on
a narrow SegNet (`experiments/pod/decide.py`) on two cores of an AMD EPYC.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax

RATE = 1.75e10  # Operations per second in convolutions of a few dozen channels.
BANDWIDTH = 1e10  # Bytes per second.
OPERATION = 2.5e-6  # Seconds to start an operation and what is fused with it.
EXCHANGE = 3e-5  # Seconds of a core until the threads of all devices have met.
# XLA computes half-precision convolutions on CPUs in float32: it reads 2 bytes of each
# element and writes 4, which the convolution reads. The results take the way back.
HALF = 2 + 4 + 4


@dataclasses.dataclass(frozen=True)
class CpuWork:
    """Contains the work of one CPU device in a training step.

    Attributes:
      flops: The number of arithmetic operations.
      traffic: The bytes that are read from and written to memory.
      operations: The number of operations that read and write memory.
      exchanges: The number of exchanges between the devices.
    """

    flops: float
    traffic: float
    operations: float
    exchanges: float


def cpu_seconds(work: CpuWork) -> float:
    """Returns the estimated time of a training step on a CPU device in seconds."""
    return (
        work.flops / RATE
        + work.traffic / BANDWIDTH
        + work.operations * OPERATION
        + work.exchanges * EXCHANGE
    )


def bytes_moved(aval: Any) -> int:
    """Returns the bytes of memory traffic for each element of an array on a CPU.

    Args:
      aval: The type of the array, with its `dtype`.
    """
    size = getattr(aval.dtype, "itemsize", 8)
    half = size == 2 and jax.numpy.issubdtype(aval.dtype, jax.numpy.floating)
    return HALF if half else size
