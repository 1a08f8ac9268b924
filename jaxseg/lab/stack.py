"""Parses stacks of atrous layers such as "1,2,5" or "1x2,2x4"."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from typing import Any

_STACK = re.compile(r"\d+(x\d+)?(,\d+(x\d+)?)*", re.ASCII)


@dataclasses.dataclass(frozen=True)
class Stack:
    """Contains the atrous rates of a stack of layers along both axes of the map.

    Attributes:
      rows: The atrous rate of each layer in the vertical direction.
      columns: The atrous rate of each layer in the horizontal direction.
    """

    rows: tuple[int, ...]
    columns: tuple[int, ...]

    @property
    def name(self) -> str:
        """Returns the rates as text, such as "1,2,5" or "1x2,2x4"."""
        pairs = zip(self.rows, self.columns, strict=True)
        return ",".join(str(r) if r == c else f"{r}x{c}" for r, c in pairs)

    @property
    def is_square(self) -> bool:
        """Returns whether the rates along rows and columns are equal."""
        return self.rows == self.columns

    def by_axis(self, function: Callable[[tuple[int, ...]], Any]) -> Any:
        """Applies a function to the rates of all layers along each axis.

        Args:
          function: Maps the rates of all layers along one axis to a value.

        Returns:
          One value if the rates of both axes are equal, otherwise a tuple of the value
          for the rows and the value for the columns.
        """
        rows = function(self.rows)
        return rows if self.is_square else (rows, function(self.columns))


def parse_stack(text: str) -> Stack:
    """Parses rates such as "1,2,5", or "1x2,2x4" for rows x columns.

    Raises:
      ValueError: If the text is not a list of positive integers or pairs of them.
    """
    pairs = []
    if is_stack(text):
        parts = [part.split("x") for part in text.split(",")]
        pairs = [(int(part[0]), int(part[-1])) for part in parts]
    if not pairs or min(map(min, pairs)) < 1:
        raise ValueError(
            f"rates={text!r} is invalid: expected positive integers such as 1,2,5, or "
            "rows x columns such as 1x2,2x4."
        )
    rows, columns = zip(*pairs, strict=True)
    return Stack(rows, columns)


def is_stack(text: str) -> bool:
    """Returns whether a word is a list of atrous rates such as "1,2,5" or "1x2,2x4"."""
    return _STACK.fullmatch(text) is not None


def square_stack(rates: Sequence[int]) -> Stack:
    """Returns the stack whose layers have the given rates along rows and columns."""
    return Stack(tuple(rates), tuple(rates))
