"""What a chip can do at best, and the time of a step that follows from it.

Figures per chip are the makers': docs.cloud.google.com/tpu/docs/{v4,v5e,v5p,v6e} and
the data sheets of NVIDIA. `ici` is one direction over all links, half of the "bidirec-
tional" figure of those pages.

Utilization: training of convolutional networks reaches 25-45 % of the peak, so a time
for the arithmetic is a range. Published: ResNet-50 40 % on TPU v3-8 (flax,
examples/imagenet), 29 % on 8 v4 chips (MLPerf training v0.7), 20-29 % on A100 (MLPerf
v0.7; NVIDIA DeepLearningExamples), U-Net 41 % on A100 (DeepLearningExamples).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable

from jaxseg.analysis.hlo.program_text import Collective

UTILIZATION = (0.25, 0.45)  # of the peak, see above
HOP = 1e-6  # seconds from a chip to its neighbor, jax-ml.github.io/scaling-book
GIB, GB, TERA = 2**30, 1e9, 1e12


@dataclasses.dataclass(frozen=True)
class Chip:
    """One accelerator.

    Attributes:
      kinds: what JAX calls it (`device.device_kind`).
      peak: bfloat16 operations per second, 2 per multiply-add.
      memory: bytes of HBM.
      usable: bytes of them that a program may use: the TPU compiler's own limit; 95 %
        on GPUs.
      bandwidth: bytes per second of HBM.
      ici: bytes per second that it can send to its neighbors.
      config: what the compiler must be told for one device per chip.
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
    """The chip that JAX calls `kind`; None when it is not in the table."""
    return next((chip for chip in CHIPS.values() if kind in chip.kinds), None)


@dataclasses.dataclass(frozen=True)
class Load:
    """What one chip has to do in a step.

    Attributes:
      flops: 2 * multiply-adds of the network, whatever the program repeats.
      traffic: bytes read from and written to memory.
      sent: bytes sent to other chips.
      exchanges: collectives, one after the other.
      diameter: links between the two farthest chips.
    """

    flops: float
    traffic: float
    sent: float = 0.0
    exchanges: int = 0
    diameter: int = 0


@dataclasses.dataclass(frozen=True)
class Times:
    """Seconds of a step by each limit, and the range that they leave.

    Attributes:
      compute: all arithmetic at the peak: no step is faster.
      memory: all traffic at full bandwidth.
      links: all bytes at full bandwidth, and a signal across the slice and back for
        each exchange.
      fast: the longest of them, arithmetic at the upper utilization.
      slow: arithmetic at the lower utilization, or memory; then the exchanges, hidden
        behind neither.
    """

    compute: float
    memory: float
    links: float
    fast: float
    slow: float

    @property
    def bound(self) -> str:
        """Which limit is the tightest: "compute", "memory" or "links"."""
        return max(("compute", "memory", "links"), key=lambda name: getattr(self, name))


def times(load: Load, chip: Chip) -> Times:
    """The limits of a chip under a load."""
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
    """Bytes that one chip sends in rings, and how many exchanges there are."""
    found = list(found)
    return sum(one.sent(devices) for one in found), len(found)


def diameter(sides: Iterable[int], torus: bool = True) -> int:
    """Links between the farthest chips of a grid, closed to a torus or open.

    >>> diameter((16, 16)), diameter((2, 4), torus=False)
    (16, 4)
    """
    return sum(side // 2 if torus else side - 1 for side in sides)


def intensity(load: Load) -> float:
    """Operations per byte of traffic; a chip's balance is `peak / bandwidth`."""
    return load.flops / load.traffic if load.traffic else math.inf


def largest_batch(
    needs: tuple[tuple[int, float], tuple[int, float]], room: float
) -> int:
    """The batch whose memory, on the line through two (batch, bytes), fills `room`.

    Raises: ValueError unless memory grows with the batch.
    """
    (first, low), (second, high) = sorted(needs)
    slope = (high - low) / max(second - first, 1)
    if second == first or slope <= 0:
        raise ValueError(f"needs is {needs}; memory must grow with the batch")
    return math.floor(first + (room - low) / slope)
