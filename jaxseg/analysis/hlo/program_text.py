"""Reads the instructions in the text of a compiled program.

The text is what `jax.jit(...).lower(...).compile().as_text()` returns on any backend.
Shapes are those of the arrays on one device. The instructions in the body of a loop
are read once, because the text does not say how often the loop runs.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator

# The bits of types whose names do not contain them.
_BITS = {"pred": 8, "token": 0, "opaque": 0}
_LINE = re.compile(r"\s*(?:ROOT )?%?([\w.\-]+) = (\(.*?\)|\S+) ([\w\-]+)(\(.*)")
_SHAPE = re.compile(r"\b([a-z]+\d*\w*)\[([\d,]*)\](?:\{[^}]*?(?:S\((\d+)\))?\})?")


@dataclasses.dataclass(frozen=True)
class Shape:
    """Contains the element type and dimensions of an array, as in bf16[8, 33, 33, 256].

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
        """Returns the number of elements of the array, 1 for a scalar."""
        return math.prod(self.dims)

    @property
    def bytes(self) -> int:
        """Returns the size of the array in bytes, without the padding of its layout."""
        named = re.search(r"\d+", self.dtype)
        bits = _BITS.get(self.dtype, named and int(named[0]))
        return -(-self.elements * bits // 8)


@dataclasses.dataclass(frozen=True)
class Instruction:
    """Describes one line of a program: `name = shapes opcode(operands), attributes`."""

    name: str
    shapes: tuple[Shape, ...]
    opcode: str
    operands: tuple[str, ...]
    attributes: str

    @property
    def source(self) -> str:
        """Returns the JAX operation from which the instruction was made, or ""."""
        found = re.search(r'op_name="(.*?)"', self.attributes)
        return found[1] if found else ""


def instructions(text: str) -> Iterator[Instruction]:
    """Yields the instructions in the text of a compiled program, in text order."""
    for line in text.splitlines():
        found = _LINE.match(line)
        if found is None:
            continue
        name, shape, opcode, rest = found.groups()
        end = _closing(rest)
        operands = tuple(re.findall(r"%([\w.\-]+)", rest[:end]))
        yield Instruction(
            name,
            shapes=shapes(shape),
            opcode=opcode,
            operands=operands,
            attributes=rest[end + 1 :],
        )


def shapes(text: str) -> tuple[Shape, ...]:
    """Returns the array shapes that a piece of a program's text contains.

    >>> shapes("(f32[2,3]{1,0:T(8,128)S(1)}, u32[])")
    (Shape(dtype='f32', dims=(2, 3), space=1), Shape(dtype='u32', dims=(), space=0))
    """
    return tuple(
        Shape(dtype, tuple(int(d) for d in dims.split(",") if d), int(space or 0))
        for dtype, dims, space in _SHAPE.findall(text)
    )


def window(attributes: str) -> dict[str, str]:
    """Returns the entries of an instruction's `window` attribute as a dictionary.

    The dictionary is empty if the instruction has no such attribute.

    Args:
      attributes: The attributes of the instruction, as text.

    >>> window("window={size=3x3 pad=1_1x1_1}, dim_labels=b01f_01io->b01f")
    {'size': '3x3', 'pad': '1_1x1_1'}
    """
    found = re.search(r"window=\{(.*?)\}", attributes)
    return dict(part.split("=") for part in found[1].split()) if found else {}


def _closing(text: str) -> int:
    """Returns the position of the parenthesis that closes the first one."""
    depth = 0
    for i, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return i
    return len(text)
