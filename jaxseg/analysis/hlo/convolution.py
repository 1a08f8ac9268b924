"""Finds the convolutions in the text of a compiled program."""

from __future__ import annotations

import dataclasses
import re

from jaxseg.analysis.hlo.program_text import Instruction, Shape, instructions, window


@dataclasses.dataclass(frozen=True)
class Convolution:
    """Describes a convolution in a compiled program.

    Tuples have one entry for each spatial axis.

    Attributes:
      shape: The shape of the result.
      operands: The shapes of the input map and the kernel. In a weight gradient, both
        operands are maps.
      size: The size of the window.
      stride: The stride of the window.
      lhs_dilate: The dilation of the input map.
      rhs_dilate: The dilation of the kernel.
      pad: Pairs (number of padded pixels before the input map, number after it).
      rhs_reversal: Whether the kernel is applied in reverse order.
      labels: The order of the dimensions of the input, the kernel and the result, such
        as "b01f_01io->b01f": b is the batch, 0 and 1 are the spatial axes, and f, i and
        o are channels.
      groups: The number of feature groups.
      batch_groups: The number of batch groups.
      source: The JAX operation from which the compiler made the convolution.
    """

    shape: Shape
    operands: tuple[Shape, ...]
    size: tuple[int, ...]
    stride: tuple[int, ...]
    lhs_dilate: tuple[int, ...]
    rhs_dilate: tuple[int, ...]
    pad: tuple[tuple[int, int], ...]
    rhs_reversal: tuple[bool, ...]
    labels: str
    groups: int
    batch_groups: int
    source: str


def convolutions(text: str) -> list[Convolution]:
    """Returns a list with a `Convolution` for each convolution in a compiled program.

    The convolutions that call cuDNN are included.

    Args:
      text: The text of the program.
    """
    known, found = {}, []
    for line in instructions(text):
        known[line.name] = line.shapes
        cudnn = line.opcode == "custom-call" and "__cudnn$conv" in line.attributes
        if line.opcode == "convolution" or cudnn:
            found.append(line)
    return [_convolution(line, known) for line in found]


def _convolution(line: Instruction, known) -> Convolution:
    entries = window(line.attributes)
    size = _numbers(entries.get("size", ""))
    ones = (1,) * len(size)
    pads = entries.get("pad", "x".join(["0_0"] * len(size)))
    reversal = _numbers(entries.get("rhs_reversal", "")) or (0,) * len(size)

    def attribute(name):
        found = re.search(rf"\b{name}=(\S+?)(?:,|$)", line.attributes)
        return found[1] if found else ""

    return Convolution(
        shape=line.shapes[0],
        operands=tuple(s for name in line.operands[:2] for s in known.get(name, ())),
        size=size,
        stride=_numbers(entries.get("stride", "")) or ones,
        lhs_dilate=_numbers(entries.get("lhs_dilate", "")) or ones,
        rhs_dilate=_numbers(entries.get("rhs_dilate", "")) or ones,
        pad=tuple(
            tuple(int(n) for n in pair.split("_")) for pair in pads.split("x") if pair
        ),
        rhs_reversal=tuple(bool(n) for n in reversal),
        labels=attribute("dim_labels"),
        groups=int(attribute("feature_group_count") or 1),
        batch_groups=int(attribute("batch_group_count") or 1),
        source=line.source,
    )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(n) for n in text.split("x") if n)
