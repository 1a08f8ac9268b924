"""Collectives, convolutions and slow patterns in the text of a compiled program.

The text is `compiled.as_text()` of any backend. Its shapes are those of one device. An
asynchronous pair (`all-gather-start`, `all-gather-done`) counts as one collective. The
body of a loop counts once, because the text does not say how often it runs.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Iterator

KINDS = (
    "all-reduce",
    "all-gather",
    "reduce-scatter",
    "collective-permute",
    "all-to-all",
    "collective-broadcast",
)
# The bits of types whose names do not contain them.
_BITS = {"pred": 8, "token": 0, "opaque": 0}
_LINE = re.compile(r"\s*(?:ROOT )?%?([\w.\-]+) = (\(.*?\)|\S+) ([\w\-]+)(\(.*)")
_SHAPE = re.compile(r"\b([a-z]+\d*\w*)\[([\d,]*)\](?:\{[^}]*?(?:S\((\d+)\))?\})?")
_GROUPS = re.compile(
    r"replica_groups=(\{\{.*?\}\}|\{\}|\[[\d,]+\]<=\S+|mesh\[.*?\] \{.*?\})"
)


@dataclasses.dataclass(frozen=True)
class Shape:
    """A type with dimensions, such as bf16[8, 33, 33, 256].

    Attributes:
      dtype: The name of the type, such as "bf16".
      dims: The dimensions.
      space: The memory space; 0 is the main memory (HBM).
    """

    dtype: str
    dims: tuple[int, ...]
    space: int = 0

    @property
    def elements(self) -> int:
        """The product of the dimensions, 1 for a scalar."""
        return math.prod(self.dims)

    @property
    def bytes(self) -> int:
        """The size without the padding that a layout may add."""
        named = re.search(r"\d+", self.dtype)
        bits = _BITS.get(self.dtype, named and int(named[0]))
        return -(-self.elements * bits // 8)


@dataclasses.dataclass(frozen=True)
class Instruction:
    """One line of the text: `name = shapes opcode(operands), attributes`."""

    name: str
    shapes: tuple[Shape, ...]
    opcode: str
    operands: tuple[str, ...]
    attributes: str

    @property
    def source(self) -> str:
        """The JAX operation that it comes from, or "" if the text names none."""
        found = re.search(r'op_name="(.*?)"', self.attributes)
        return found[1] if found else ""


@dataclasses.dataclass(frozen=True)
class Collective:
    """One exchange between devices.

    Attributes:
      kind: One of `KINDS`.
      shapes: The shapes of the results on one device.
      group: The number of devices in a group that exchanges data. 0 means all devices,
        and for permutes that there is no group.
      source: The JAX operation that it comes from.
    """

    kind: str
    shapes: tuple[Shape, ...]
    group: int = 0
    source: str = ""

    @property
    def bytes(self) -> int:
        """The size of the results on one device."""
        return sum(shape.bytes for shape in self.shapes)

    def sent(self, devices: int) -> float:
        """Returns the bytes that one of `devices` devices sends if groups are rings."""
        group = self.group or devices
        ring = (group - 1) / group
        share = {"all-reduce": 2 * ring, "reduce-scatter": group - 1.0}
        share |= {"all-gather": ring, "all-to-all": ring}
        return self.bytes * share.get(self.kind, 1.0)


@dataclasses.dataclass(frozen=True)
class Convolution:
    """One convolution with its window. Tuples have one entry per spatial axis.

    Attributes:
      shape: The shape of the result.
      operands: The shapes of map and kernel (for a weight gradient, of two maps).
      size: The size of the window.
      stride: The stride of the window.
      lhs_dilate: The dilation of the map.
      rhs_dilate: The dilation of the kernel.
      pad: The padding before and after.
      rhs_reversal: Whether the kernel is read backwards.
      labels: The order of the dimensions, such as "b01f_01io->b01f".
      groups: The number of feature groups.
      batch_groups: The number of batch groups.
      source: The JAX operation that it comes from.
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


def instructions(text: str) -> Iterator[Instruction]:
    """Yields the instructions of all computations, in the order of the text."""
    for line in text.splitlines():
        found = _LINE.match(line)
        if found is None:
            continue
        name, shape, opcode, rest = found.groups()
        end = _closing(rest)
        operands = tuple(re.findall(r"%([\w.\-]+)", rest[:end]))
        yield Instruction(name, shapes(shape), opcode, operands, rest[end + 1 :])


def shapes(text: str) -> tuple[Shape, ...]:
    """Returns the shapes in a piece of text.

    >>> shapes("(f32[2,3]{1,0:T(8,128)S(1)}, u32[])")
    (Shape(dtype='f32', dims=(2, 3), space=1), Shape(dtype='u32', dims=(), space=0))
    """
    return tuple(
        Shape(dtype, tuple(int(d) for d in dims.split(",") if d), int(space or 0))
        for dtype, dims, space in _SHAPE.findall(text)
    )


def collectives(text: str) -> list[Collective]:
    """Returns the collectives of a program; a start and its done count as one."""
    starts, found = {}, []
    for line in instructions(text):
        if line.opcode.removesuffix("-start") in KINDS and "-start" in line.opcode:
            starts[line.name] = line
        kind = line.opcode.removesuffix("-done")
        if kind not in KINDS:
            continue
        begun = line if line.opcode == kind else starts.get(line.operands[0], line)
        group = _group(begun.attributes)
        found.append(Collective(kind, line.shapes, group, begun.source or line.source))
    return found


def totals(found: Iterable[Collective]) -> dict[str, tuple[int, int]]:
    """Returns number and bytes (of the results on one device) for each kind."""
    result: dict[str, tuple[int, int]] = {}
    for one in found:
        count, size = result.get(one.kind, (0, 0))
        result[one.kind] = (count + 1, size + one.bytes)
    return result


def convolutions(text: str) -> list[Convolution]:
    """Returns the convolutions of a program, including calls of cuDNN."""
    known, found = {}, []
    for line in instructions(text):
        known[line.name] = line.shapes
        cudnn = line.opcode == "custom-call" and "__cudnn$conv" in line.attributes
        if line.opcode == "convolution" or cudnn:
            found.append(line)
    return [_convolution(line, known) for line in found]


def slow_patterns(text: str) -> dict[str, list[Instruction]]:
    """Finds instructions of forms that are known to be slow.

    reversed kernel     A convolution with `rhs_reversal`. On a CPU it is the weight
                        gradient with its operands swapped, a scalar loop nest. On a
                        TPU it is an ordinary input gradient.
    five dimensions     A convolution over three spatial axes whose base is dilated:
                        the weight gradient of grouped convolutions.
    select-and-scatter  XLA's gradient of max pooling. On a CPU it is a windowed
                        reduction that carries positions.
    expanded kernel     A kernel that is written out with zeros between its taps.

    Returns:
      The instructions by the name of their form, {} if there are none.
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
        window = _window(line.attributes)
        if "1" in window.get("rhs_reversal", ""):
            yield "reversed kernel"
        spread = set(window.get("lhs_dilate", "1").split("x")) != {"1"}
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


def _convolution(line: Instruction, known) -> Convolution:
    window = _window(line.attributes)
    size = _numbers(window.get("size", ""))
    ones = (1,) * len(size)
    pads = window.get("pad", "x".join(["0_0"] * len(size)))
    reversal = _numbers(window.get("rhs_reversal", "")) or (0,) * len(size)

    def attribute(name):
        found = re.search(rf"\b{name}=(\S+?)(?:,|$)", line.attributes)
        return found[1] if found else ""

    return Convolution(
        shape=line.shapes[0],
        operands=tuple(s for name in line.operands[:2] for s in known.get(name, ())),
        size=size,
        stride=_numbers(window.get("stride", "")) or ones,
        lhs_dilate=_numbers(window.get("lhs_dilate", "")) or ones,
        rhs_dilate=_numbers(window.get("rhs_dilate", "")) or ones,
        pad=tuple(
            tuple(int(n) for n in pair.split("_")) for pair in pads.split("x") if pair
        ),
        rhs_reversal=tuple(bool(n) for n in reversal),
        labels=attribute("dim_labels"),
        groups=int(attribute("feature_group_count") or 1),
        batch_groups=int(attribute("batch_group_count") or 1),
        source=line.source,
    )


def _window(attributes: str) -> dict[str, str]:
    found = re.search(r"window=\{(.*?)\}", attributes)
    return dict(part.split("=") for part in found[1].split()) if found else {}


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(n) for n in text.split("x") if n)


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


def _closing(text: str) -> int:
    """Returns the position of the parenthesis that closes the first one."""
    depth = 0
    for i, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return i
    return len(text)
