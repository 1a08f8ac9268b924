"""Finds the instructions of a compiled program that are known to be slow."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jaxseg.analysis.hlo.program_text import Instruction, Shape, instructions, window


def slow_patterns(text: str) -> dict[str, list[Instruction]]:
    """Finds the instructions that match one of these patterns:

    reversed kernel     A convolution with `rhs_reversal`. On a CPU it is a weight
                        gradient with swapped operands, which XLA runs as nested
                        scalar loops. On a TPU it is an ordinary input gradient.
    five dimensions     A convolution over three spatial axes whose input is dilated.
                        It is the weight gradient of a grouped convolution.
    select-and-scatter  XLA's gradient of max pooling. On a CPU it appears as a
                        windowed reduction of values and positions.
    expanded kernel     A `pad` instruction that writes an atrous kernel to memory with
                        zeros between its entries.

    Args:
      text: The text of the compiled program.

    Returns:
      The instructions by the name of the pattern, or {} if there are none.
    """
    found: dict[str, list[Instruction]] = {}
    known: dict[str, tuple[Shape, ...]] = {}
    for line in instructions(text):
        known[line.name] = line.shapes
        for name in _slow(line, known):
            found.setdefault(name, []).append(line)
    return found


def _slow(line, known) -> Iterator[str]:
    if line.opcode == "convolution":
        entries = window(line.attributes)
        if "1" in entries.get("rhs_reversal", ""):
            yield "reversed kernel"
        spread = set(entries.get("lhs_dilate", "1").split("x")) != {"1"}
        if len(line.shapes[0].dims) >= 5 and spread:
            yield "five dimensions"
    elif line.opcode == "select-and-scatter" or (
        line.opcode == "reduce-window" and len(line.shapes) > 1
    ):
        yield "select-and-scatter"
    elif line.opcode == "pad" and _expands_kernel(line, known):
        yield "expanded kernel"


def _expands_kernel(line, known) -> bool:
    """Returns whether a pad inserts zeros along two short axes, those of a kernel."""
    widths = re.search(r"padding=([\d_x\-]+)", line.attributes)
    spread = [w.count("_") == 2 and not w.endswith("_0") for w in widths[1].split("x")]
    operand = known.get(line.operands[0], ())
    if sum(spread) != 2 or not operand:
        return False
    dims = operand[0].dims
    return all(d <= 7 for d, wide in zip(dims, spread, strict=True) if wide)
