"""Describes a compiled training step: its memory, its costs and its text."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class ProgramMemory:
    """Contains the memory that a compiled step needs on one device, in bytes.

    Attributes:
      arguments: The training state and the batch.
      output: The results of the step.
      alias: The part of the results that reuses the memory of the arguments.
      temporaries: Activations, gradients and other values within a step.
      code: The program itself.
    """

    arguments: int
    output: int
    alias: int
    temporaries: int
    code: int

    @property
    def total(self) -> int:
        """Returns the peak memory of the step on one device in bytes."""
        return self.arguments + self.output - self.alias + self.temporaries + self.code


@dataclasses.dataclass(frozen=True)
class Program:
    """Contains the memory and the costs of a compiled training step on one device.

    Attributes:
      batch: The number of images per step, over all devices.
      seconds: The seconds that tracing and compiling took.
      parts: A dictionary from each part of the step's arguments, such as "params", to
        its size in bytes.
      memory: The memory that the step needs, or None if compilation failed for lack of
        memory.
      refusal: The error message of the compiler if compilation failed for lack of
        memory, or "".
      wanted: The number of bytes that the program needs according to `refusal`.
      flops: The number of arithmetic operations according to XLA's cost analysis.
      accessed: The number of bytes that the step reads and writes, according to XLA's
        cost analysis.
      text: The text of the compiled program.
    """

    batch: int
    seconds: float
    parts: Mapping[str, int]
    memory: ProgramMemory | None = None
    refusal: str = ""
    wanted: float = 0.0
    flops: float = 0.0
    accessed: float = 0.0
    text: str = ""

    def needs(self) -> float:
        """Returns the number of bytes that the step needs on one device.

        If compilation failed for lack of memory, the number is read from the error
        message.
        """
        return self.memory.total if self.memory else self.wanted
