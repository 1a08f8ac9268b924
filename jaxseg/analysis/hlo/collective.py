"""Finds the collectives in the text of a compiled program.

A collective is an operation that exchanges data between devices. An asynchronous pair
of instructions (`all-gather-start`, `all-gather-done`) counts as one collective.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable

from jaxseg.analysis.hlo.program_text import Shape, instructions

KINDS = (
    "all-reduce",
    "all-gather",
    "reduce-scatter",
    "collective-permute",
    "all-to-all",
    "collective-broadcast",
)
_GROUPS = re.compile(
    r"replica_groups=(\{\{.*?\}\}|\{\}|\[[\d,]+\]<=\S+|mesh\[.*?\] \{.*?\})"
)


@dataclasses.dataclass(frozen=True)
class Collective:
    """Describes one operation that exchanges data between devices.

    Attributes:
      kind: The name of the operation, one of `KINDS`.
      shapes: The shapes of the results on one device.
      group: The number of devices in each group that exchanges data. 0 means that all
        devices form one group, or that the operation is a permute, which has no groups.
      source: The JAX operation from which the compiler made the collective.
    """

    kind: str
    shapes: tuple[Shape, ...]
    group: int = 0
    source: str = ""

    @property
    def bytes(self) -> int:
        """Returns the bytes that the results of the operation take on one device."""
        return sum(shape.bytes for shape in self.shapes)

    def sent(self, devices: int) -> float:
        """Returns the bytes that one device sends in this collective operation.

        Each group of devices is assumed to run the operation as a ring.

        Args:
          devices: Number of devices that run the program.
        """
        group = self.group or devices
        ring = (group - 1) / group
        share = {"all-reduce": 2 * ring, "reduce-scatter": group - 1.0}
        share |= {"all-gather": ring, "all-to-all": ring}
        return self.bytes * share.get(self.kind, 1.0)


def collectives(text: str) -> list[Collective]:
    """Returns a list of the collectives in the text of a compiled program, in order.

    A `Collective` describes one operation that exchanges data between devices.
    """
    starts, found = {}, []
    for line in instructions(text):
        if line.opcode.removesuffix("-start") in KINDS and "-start" in line.opcode:
            starts[line.name] = line
        kind = line.opcode.removesuffix("-done")
        if kind not in KINDS:
            continue
        begun = line if line.opcode == kind else starts.get(line.operands[0], line)
        group = _group(begun.attributes)
        found.append(
            Collective(
                kind,
                shapes=line.shapes,
                group=group,
                source=begun.source or line.source,
            )
        )
    return found


def totals(found: Iterable[Collective]) -> dict[str, tuple[int, int]]:
    """Computes the number and the total result size of the collectives of each kind.

    Returns:
      A dictionary from each kind to a pair: the number of its collectives, and the
      total size of their results on one device in bytes.
    """
    result: dict[str, tuple[int, int]] = {}
    for one in found:
        count, size = result.get(one.kind, (0, 0))
        result[one.kind] = (count + 1, size + one.bytes)
    return result


def _group(attributes: str) -> int:
    """Returns the devices per group in any of three notations; 0 for all or unnamed."""
    found = _GROUPS.search(attributes)
    if found is None or found[1] == "{}":
        return 0
    text = found[1]
    if text.startswith("{"):
        return text[2:].partition("}")[0].count(",") + 1
    if text.startswith("["):  # [groups, devices]<=[...]
        return int(text[1:].partition("]")[0].split(",")[-1])
    axes, _, used = text.partition("] ")
    sizes = dict(re.findall(r"'(\w+)'=(\d+)", axes))
    parts = re.findall(r"'(\w+)'(?::\(\d+\)(\d+))?", used)
    return math.prod(int(part or sizes[axis]) for axis, part in parts)
