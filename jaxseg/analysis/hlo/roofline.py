"""Estimates the time of a training step from the peak rates of a chip (roofline model).

The peak rates of each chip are those that its maker states, in
docs.cloud.google.com/tpu/docs/{v4,v5e,v5p,v6e} and in the data sheets of NVIDIA. The
links between TPU chips are called the inter-chip interconnect (ICI). Its bandwidth here
is the sum over all links of a chip in one direction. Google states the sum of both
directions ("bidirectional"), which is twice as large.

Training of convolutional networks reaches 25 to 45 % of the peak arithmetic rate, so
the time for the arithmetic is a range. This share is called the utilization. Published
utilizations of ResNet-50 are 40 % on TPU v3-8 (flax, examples/imagenet), 29 % on 8 v4
chips (MLPerf training v0.7) and 20 to 29 % on A100 (MLPerf v0.7; NVIDIA
DeepLearningExamples). That of U-Net is 41 % on A100 (DeepLearningExamples).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable

from jaxseg.analysis.hlo.collective import Collective

UTILIZATION = (0.25, 0.45)  # Shares of the peak, see above.
# Seconds from a chip to its neighbor (jax-ml.github.io/scaling-book).
HOP = 1e-6
GIB, GB, TERA = 2**30, 1e9, 1e12


@dataclasses.dataclass(frozen=True)
class Chip:
    """Contains the memory size and the peak rates of one kind of accelerator.

    Attributes:
      kinds: The names that JAX gives to the chip (`device.device_kind`).
      peak: bfloat16 operations per second, where a multiply-add is 2 operations.
      memory: Bytes of high-bandwidth memory (HBM).
      usable: Bytes of HBM that a program may use: on TPUs the limit of the compiler,
        on GPUs 95 % of the memory.
      bandwidth: Bytes per second that can be read from and written to HBM.
      ici: Bytes per second that the chip can send to its neighbors over the
        inter-chip interconnect (NVLink on GPUs).
      config: The name of the setting of the TPU compiler that makes the cores of a chip
        one device, such as "megacore". None if no setting is needed.
    """

    kinds: tuple[str, ...]
    peak: float
    memory: float
    usable: float
    bandwidth: float
    ici: float
    config: str | None = None


CHIPS = {
    name: Chip(kinds, peak * TERA, memory, usable, bandwidth * GB, ici * GB, *config)
    for name, kinds, peak, memory, usable, bandwidth, ici, *config in (
        ("v4", ("TPU v4",), 275, 32 * GIB, 30.75 * GIB, 1228, 300, "megacore"),
        ("v5e", ("TPU v5 lite", "TPU v5e"), 197, 16 * GIB, 15.75 * GIB, 819, 200),
        ("v5p", ("TPU v5", "TPU v5p"), 459, 96 * GIB, 95.74 * GIB, 2765, 600),
        ("v6e", ("TPU v6 lite", "TPU v6e"), 918, 32 * GIB, 31.25 * GIB, 1638, 400),
        ("a100", ("NVIDIA A100-SXM4-80GB",), 312, 80 * GIB, 76 * GIB, 2039, 300),
        ("h100", ("NVIDIA H100 80GB HBM3",), 989, 80 * GIB, 76 * GIB, 3350, 450),
        ("h200", ("NVIDIA H200",), 989, 141 * GB, 134 * GB, 4800, 450),
    )
}


def chip_of(kind: str) -> Chip | None:
    """Returns the `Chip` whose `device_kind` in JAX is `kind`, or None if unknown."""
    return next((chip for chip in CHIPS.values() if kind in chip.kinds), None)


@dataclasses.dataclass(frozen=True)
class Load:
    """Contains the work of one chip in one training step.

    Attributes:
      flops: Arithmetic operations of the network, 2 per multiply-add. Operations that
        the compiled program repeats, for example for rematerialization, count once.
      traffic: Bytes that the chip reads from and writes to its memory.
      sent: Bytes that the chip sends to other chips.
      exchanges: Number of collectives, which run one after the other.
      diameter: Number of links between the two chips that are farthest apart.
    """

    flops: float
    traffic: float
    sent: float = 0.0
    exchanges: int = 0
    diameter: int = 0


@dataclasses.dataclass(frozen=True)
class Times:
    """Contains the estimated time of a step in seconds: three lower limits and a range.

    Attributes:
      compute: The time of all arithmetic at the peak rate.
      memory: The time of all memory traffic at full bandwidth.
      links: The time to send all bytes at full bandwidth, plus the latency of a signal
        to the most distant chip and back for each collective.
      fast: The lower end of the range: the longest of the memory time, the link time
        and the time of the arithmetic at 45 % of the peak rate.
      slow: The upper end of the range: the time of the arithmetic at 25 % of the peak
        rate or the memory time, whichever is longer, plus the link time.
    """

    compute: float
    memory: float
    links: float
    fast: float
    slow: float

    @property
    def bound(self) -> str:
        """Returns which of the three lower limits of the step time is the largest.

        The result is the text "compute", "memory" or "links".
        """
        return max(("compute", "memory", "links"), key=lambda name: getattr(self, name))


def times(load: Load, chip: Chip) -> Times:
    """Returns the estimated time of one training step on a chip, as `Times`.

    Args:
      load: The work of the chip in the step.
      chip: The peak rates of the chip.
    """
    compute, memory = load.flops / chip.peak, load.traffic / chip.bandwidth
    latency = load.exchanges * 2 * load.diameter * HOP
    links = load.sent / chip.ici + latency
    low, high = UTILIZATION
    return Times(
        compute=compute,
        memory=memory,
        links=links,
        fast=max(compute / high, memory, links),
        slow=max(compute / low, memory) + links,
    )


def exchanged(found: Iterable[Collective], devices: int) -> tuple[float, int]:
    """Computes how many bytes one chip sends in a step, and in how many collectives.

    Args:
      found: The collectives of the step.
      devices: Number of devices that run the step.

    Returns:
      The bytes that one chip sends if all collectives run in rings, and the number of
      collectives.
    """
    found = list(found)
    return sum(one.sent(devices) for one in found), len(found)


def diameter(sides: Iterable[int], torus: bool = True) -> int:
    """Returns the number of links between the two most distant chips of a slice.

    Args:
      sides: Number of chips along each axis of the slice.
      torus: Whether each axis is a ring. Otherwise it is a line.

    >>> diameter((16, 16)), diameter((2, 4), torus=False)
    (16, 4)
    """
    return sum(side // 2 if torus else side - 1 for side in sides)


def intensity(load: Load) -> float:
    """Returns the arithmetic intensity: operations per byte of memory traffic.

    On a chip whose `peak / bandwidth` is larger, the memory limits the speed.
    """
    return load.flops / load.traffic if load.traffic else math.inf


def largest_batch(
    needs: tuple[tuple[int, float], tuple[int, float]], room: float
) -> int:
    """Estimates the largest batch size that fits into memory, by linear extrapolation.

    Args:
      needs: Two pairs (batch size, bytes that a step with this batch size needs).
      room: The bytes that are available.

    Raises:
      ValueError: If memory does not grow with the batch size.
    """
    (first, low), (second, high) = sorted(needs)
    slope = (high - low) / max(second - first, 1)
    if second == first or slope <= 0:
        raise ValueError(
            f"needs={needs} is invalid: expected two pairs (batch size, bytes), of "
            "which the one with the larger batch size needs more bytes."
        )
    return math.floor(first + (room - low) / slope)
