"""Estimates the bytes that a compiled program moves to and from a device's memory.

The estimate is the size of the operands and results of all instructions outside
fusions: fusions themselves, convolutions, copies and others. It leaves out the values
inside a fusion and data in the chip's scratch memory (the VMEM of a TPU), which XLA's
"bytes accessed" includes. An operand of which a fusion reads only a part counts in
full, so the result is an upper estimate. The body of a loop counts once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from jaxseg.analysis.hlo.program_text import Instruction, Shape, instructions

_HEAD = re.compile(r"(ENTRY )?%?([\w.\-]+) \(.*\{\s*$")
_CALLED = re.compile(
    r"(?:body|condition|branch_computations|true_computation|false_computation|"
    r"called_computations)=(\{.*?\}|%?[\w.\-]+)"
)
_FREE = (
    "parameter",
    "constant",
    "tuple",
    "get-tuple-element",
    "bitcast",
    "after-all",
    "partition-id",
    "replica-id",
    "while",
    "conditional",
)


def memory_traffic(text: str) -> int:
    """Returns an upper estimate of the bytes that a program moves to and from memory.

    The bytes are those of one device.
    """
    bodies, entry = computations(text)
    total, waiting, seen = 0, [entry], set()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in bodies:
            continue
        seen.add(name)
        known: dict[str, tuple[Shape, ...]] = {}
        for line in instructions(bodies[name]):
            known[line.name] = line.shapes
            total += _moved(line, known)
            waiting += _called(line)
    return total


def computations(text: str) -> tuple[dict[str, str], str]:
    """Splits the text of a compiled program into its computations (functions of XLA).

    Returns:
      A dictionary from the name of each computation to its text, and the name of the
      computation at which the program starts.
    """
    bodies: dict[str, list[str]] = {}
    entry = name = ""
    for line in text.splitlines():
        found = _HEAD.match(line)
        if found:
            name = found[2]
            entry = name if found[1] else entry
            bodies[name] = []
        elif name:
            bodies[name].append(line)
    return {name: "\n".join(lines) for name, lines in bodies.items()}, entry


def _called(line: Instruction) -> Iterator[str]:
    """Yields the computations that an instruction runs, except fused ones."""
    for names in _CALLED.findall(line.attributes):
        yield from re.findall(r"[\w.\-]+", names)
    if line.opcode == "call":
        yield from re.findall(r"to_apply=%?([\w.\-]+)", line.attributes)


def _moved(line: Instruction, known: Mapping[str, tuple[Shape, ...]]) -> int:
    if line.opcode in _FREE or line.opcode.endswith("-done"):
        return 0
    if line.opcode in ("copy-start", "slice-start"):  # The results are both its ends.
        size = min(shape.bytes for shape in line.shapes[:2])
        return size * sum(shape.space == 0 for shape in line.shapes[:2])
    operands = (shape for name in line.operands for shape in known.get(name, ()))
    return sum(s.bytes for s in (*line.shapes, *operands) if s.space == 0)
