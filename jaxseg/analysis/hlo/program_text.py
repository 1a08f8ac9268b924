"""What a compiled program holds: collectives, convolutions, slow patterns; text only.

The text is `compiled.as_text()` of any backend. Shapes in it are those of one device.
An asynchronous pair (`all-gather-start`, `all-gather-done`) is one collective. What
stands in the body of a loop is counted once: the text does not say how often it runs.
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
_BITS = {"pred": 8, "token": 0, "opaque": 0}  # else the number in the type's name
_LINE = re.compile(r"\s*(?:ROOT )?%?([\w.\-]+) = (\(.*?\)|\S+) ([\w\-]+)(\(.*)")
_SHAPE = re.compile(r"\b([a-z]+\d*\w*)\[([\d,]*)\](?:\{[^}]*?(?:S\((\d+)\))?\})?")
_GROUPS = re.compile(
    r"replica_groups=(\{\{.*?\}\}|\{\}|\[[\d,]+\]<=\S+|mesh\[.*?\] \{.*?\})"
)


@dataclasses.dataclass(frozen=True)
class Shape:
    """Type and dimensions, such as ("bf16", (8, 33, 33, 256)); `space` 0 is HBM."""

    dtype: str
    dims: tuple[int, ...]
    space: int = 0

    @property
    def elements(self) -> int:
        """Product of the dimensions, 1 for a scalar."""
        return math.prod(self.dims)

    @property
    def bytes(self) -> int:
        """Size without the padding that a layout may add."""
        named = re.search(r"\d+", self.dtype)
        bits = _BITS.get(self.dtype, named and int(named[0]))
        return -(-self.elements * bits // 8)


@dataclasses.dataclass(frozen=True)
class Instruction:
    """One line: `name = shapes opcode(operands), attributes`."""

    name: str
    shapes: tuple[Shape, ...]
    opcode: str
    operands: tuple[str, ...]
    attributes: str

    @property
    def source(self) -> str:
        """The JAX operation it comes from; "" when it is not named."""
        found = re.search(r'op_name="(.*?)"', self.attributes)
        return found[1] if found else ""


@dataclasses.dataclass(frozen=True)
class Collective:
    """One exchange between devices.

    Attributes:
      kind: one of `KINDS`.
      shapes: of the results on one device.
      group: devices that exchange with one another; 0 when all do, and for permutes.
      source: the JAX operation it comes from.
    """

    kind: str
    shapes: tuple[Shape, ...]
    group: int = 0
    source: str = ""

    @property
    def bytes(self) -> int:
        """Size of the results on one device."""
        return sum(shape.bytes for shape in self.shapes)

    def sent(self, devices: int) -> float:
        """Bytes that one of `devices` devices sends when the group forms a ring."""
        group = self.group or devices
        ring = (group - 1) / group
        share = {"all-reduce": 2 * ring, "reduce-scatter": group - 1.0}
        share |= {"all-gather": ring, "all-to-all": ring}
        return self.bytes * share.get(self.kind, 1.0)


@dataclasses.dataclass(frozen=True)
class Convolution:
    """One convolution with its window, one number per spatial axis.

    Attributes:
      shape: of the result.
      operands: shapes of map and kernel (for a weight gradient, of two maps).
      size, stride, lhs_dilate, rhs_dilate: of the window.
      pad: before and after.
      rhs_reversal: whether the kernel is read backwards.
      labels: such as "b01f_01io->b01f".
      groups: feature groups; `batch_groups` those of the batch.
      source: the JAX operation it comes from.
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
    """The instructions of all computations, in the order of the text."""
    for line in text.splitlines():
        found = _LINE.match(line)
        if found is None:
            continue
        name, shape, opcode, rest = found.groups()
        end = _closing(rest)
        operands = tuple(re.findall(r"%([\w.\-]+)", rest[:end]))
        yield Instruction(name, shapes(shape), opcode, operands, rest[end + 1 :])


def shapes(text: str) -> tuple[Shape, ...]:
    """The shapes in a piece of text.

    >>> shapes("(f32[2,3]{1,0:T(8,128)S(1)}, u32[])")
    (Shape(dtype='f32', dims=(2, 3), space=1), Shape(dtype='u32', dims=(), space=0))
    """
    return tuple(
        Shape(dtype, tuple(int(d) for d in dims.split(",") if d), int(space or 0))
        for dtype, dims, space in _SHAPE.findall(text)
    )


def collectives(text: str) -> list[Collective]:
    """The collectives of a program; start and done are one, with the done's result."""
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
    """Number and bytes (of the results on one device) by kind."""
    result: dict[str, tuple[int, int]] = {}
    for one in found:
        count, size = result.get(one.kind, (0, 0))
        result[one.kind] = (count + 1, size + one.bytes)
    return result


def convolutions(text: str) -> list[Convolution]:
    """The convolutions of a program, cuDNN's calls among them."""
    known, found = {}, []
    for line in instructions(text):
        known[line.name] = line.shapes
        cudnn = line.opcode == "custom-call" and "__cudnn$conv" in line.attributes
        if line.opcode == "convolution" or cudnn:
            found.append(line)
    return [_convolution(line, known) for line in found]


def slow_patterns(text: str) -> dict[str, list[Instruction]]:
    """The instructions of forms that are known to be slow, by name; {} for none.

    reversed kernel     a convolution with `rhs_reversal`: on CPU the weight gradient
                        with its operands swapped, a scalar loop nest (an ordinary
                        input gradient on TPU)
    five dimensions     a convolution over three spatial axes that is dilated at its
                        base: the weight gradient of grouped convolutions
    select-and-scatter  XLA's gradient of max pooling; on CPU a windowed reduction
                        that carries positions
    expanded kernel     a kernel with zeros between its taps, written out
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
    """Zeros between elements of two short axes: a kernel, no map is that small."""
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
    """Devices per group in any of the three notations; 0 for all or unnamed."""
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
    """Position of the parenthesis that closes the first one."""
    depth = 0
    for i, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return i
    return len(text)
