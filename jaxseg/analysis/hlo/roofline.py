"""Estimates step times from the peak rates of chips.

The figures of each chip are those of its maker: docs.cloud.google.com/tpu/docs/{v4,v5e,
v5p,v6e} and the data sheets of NVIDIA. `ici` is one direction over all links, half of
the "bidirectional" figure of those pages.

Training of convolutional networks reaches 25 to 45 % of the peak, so the time for the
arithmetic is a range. Published utilizations: ResNet-50 40 % on TPU v3-8 (flax,
examples/imagenet), 29 % on 8 v4 chips (MLPerf training v0.7), 20 to 29 % on A100
(MLPerf v0.7; NVIDIA DeepLearningExamples); U-Net 41 % on A100 (DeepLearningExamples).
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
    """Describes the peak rates of an accelerator.

    Attributes:
      kinds: The names that JAX gives it (`device.device_kind`).
      peak: bfloat16 operations per second, 2 per multiply-add.
      memory: Bytes of HBM.
      usable: Bytes of HBM that a program may use. On TPUs it is the limit of the
        compiler, on GPUs 95 %.
      bandwidth: Bytes per second of HBM.
      ici: Bytes per second that it can send to its neighbors.
      config: The compiler option that makes one device of a chip, or None.
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
    """Returns the chip that JAX calls `kind`, or None if the table lacks it."""
    return next((chip for chip in CHIPS.values() if kind in chip.kinds), None)


@dataclasses.dataclass(frozen=True)
class Load:
    """Describes the work of one chip in one step.

    Attributes:
      flops: 2 * multiply-adds of the network, without what the program repeats.
      traffic: Bytes read from and written to memory.
      sent: Bytes sent to other chips.
      exchanges: Number of collectives, which run one after the other.
      diameter: Number of links between the two farthest chips.
    """

    flops: float
    traffic: float
    sent: float = 0.0
    exchanges: int = 0
    diameter: int = 0


@dataclasses.dataclass(frozen=True)
class Times:
    """Contains the seconds of a step by each limit, and the resulting range.

    Attributes:
      compute: The time of all arithmetic at the peak. No step is faster.
      memory: The time of all traffic at full bandwidth.
      links: The time of all sent bytes at full bandwidth, plus a signal across the
        slice and back for each exchange.
      fast: The longest of the three, with the arithmetic at the upper utilization.
      slow: The arithmetic at the lower utilization, or the memory if that is longer,
        plus the exchanges without any overlap.
    """

    compute: float
    memory: float
    links: float
    fast: float
    slow: float

    @property
    def bound(self) -> str:
        """Returns the name of the tightest limit: "compute", "memory" or "links"."""
        return max(("compute", "memory", "links"), key=lambda name: getattr(self, name))


def times(load: Load, chip: Chip) -> Times:
    """Computes the step times of a chip under a load."""
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
    """Returns the bytes that one chip sends in rings, and the number of exchanges."""
    found = list(found)
    return sum(one.sent(devices) for one in found), len(found)


def diameter(sides: Iterable[int], torus: bool = True) -> int:
    """Returns the links between the farthest chips of a torus or an open grid.

    >>> diameter((16, 16)), diameter((2, 4), torus=False)
    (16, 4)
    """
    return sum(side // 2 if torus else side - 1 for side in sides)


def intensity(load: Load) -> float:
    """Returns operations per byte of traffic.

    A chip's balance is `peak / bandwidth`. Below it, memory is the limit.
    """
    return load.flops / load.traffic if load.traffic else math.inf


def largest_batch(
    needs: tuple[tuple[int, float], tuple[int, float]], room: float
) -> int:
    """Returns the batch size whose memory fills `room`, by linear extrapolation.

    Args:
      needs: Two pairs (batch size, bytes).
      room: The bytes that are available.

    Raises:
      ValueError: If memory does not grow with the batch size.
    """
    (first, low), (second, high) = sorted(needs)
    slope = (high - low) / max(second - first, 1)
    if second == first or slope <= 0:
        raise ValueError(
            f"needs={needs} is invalid: expected memory to grow with the batch size."
        )
    return math.floor(first + (room - low) / slope)
