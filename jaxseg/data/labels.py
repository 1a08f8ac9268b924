"""What the values in mask files mean: the option `data.labels`.

A label map lists mask values and the class that each stands for:

    0:void 1:0 2:1     value 0 does not count, 1 is class 0, 2 is class 1
    0/255              0 is class 0 (background), 255 is class 1 (object)

Every value that occurs must be listed, 255 too. In Python the pairs may also be tuples,
`((0, "void"), (1, 0), (2, 1))`.

Files of lossy formats (JPEG, lossy WebP) hold further values, which the compression
made up. Their pixels take the nearest listed value, the lower one of two, if it is at
most half the smallest distance between two listed values away; else they are void. With
`0/255` the values 0 to 127 are background and 128 to 255 are object. The listed values
must be at least 32 apart. At the border of two classes such a file passes through the
values in between, which may belong to a third class: masks without loss are better.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np

from jaxseg.data.spec import VOID

LOSSY_GAP = 32  # listed values closer than this are lost in compression noise
LARGEST = 2**32 - 1  # value of a mask's pixel
BINARY = ("background", "object")  # class names of the short form
SHOWN = 12  # pairs in a message
EXPECTED = (
    "expected pairs VALUE:CLASS or VALUE:void, such as 0:void 1:0 2:1, or "
    "BACKGROUND/OBJECT, such as 0/255"
)


@dataclasses.dataclass(frozen=True)
class LabelMap:
    """The class of every value in mask files.

    Attributes:
      pairs: (value, class) in order of the values; class 255 is void.
      binary: Whether the map was given in its short form.
    """

    pairs: tuple[tuple[int, int], ...]
    binary: bool = False

    def __str__(self) -> str:
        words = [f"{v}:{'void' if k == VOID else k}" for v, k in self.pairs]
        if len(words) > SHOWN:
            words = [*words[: SHOWN - 2], "...", words[-1]]
        return " ".join(words)

    @property
    def values(self) -> tuple[int, ...]:
        """The listed mask values, ascending."""
        return tuple(value for value, _ in self.pairs)

    @property
    def classes(self) -> tuple[int, ...]:
        """The classes that occur in the map, ascending."""
        return tuple(sorted({label for _, label in self.pairs} - {VOID}))

    @property
    def record(self) -> tuple[tuple[int, int | str], ...]:
        """The pairs as `DatasetSpec` keeps them, with "void" for 255."""
        return tuple((v, "void" if k == VOID else k) for v, k in self.pairs)

    @classmethod
    def of_record(cls, record: tuple[tuple[int, int | str], ...]) -> LabelMap:
        """The map that `record` returned."""
        return cls(tuple((v, VOID if k == "void" else k) for v, k in record))

    @property
    def gap(self) -> int:
        """The smallest distance between two listed values; 0 if there is only one."""
        return int(np.diff(self.values).min()) if len(self.pairs) > 1 else 0

    def require_classes(self, count: int, origin: str) -> None:
        """Raises ValueError if the map names a class beyond those of a dataset."""
        if self.classes[-1] >= count:
            raise ValueError(
                f"data.labels={str(self)!r} is invalid: expected classes from 0 to "
                f"{count - 1}, those of {origin}, found {self.classes[-1]}; name all "
                "classes, or correct the map."
            )

    def class_names(self) -> tuple[str, ...]:
        """Names for the classes of the map where no list names them.

        Raises:
          ValueError: If the classes are not 0, 1, ... without a gap.
        """
        if self.binary:
            return BINARY
        if self.classes != tuple(range(len(self.classes))):
            raise ValueError(
                f"data.labels={str(self)!r} is invalid: expected the classes 0, 1, ... "
                f"without a gap, found {', '.join(map(str, self.classes))}; number "
                "them so, or name all classes by --data.classes."
            )
        return tuple(f"class_{k}" for k in self.classes)

    def apply(self, mask: np.ndarray) -> np.ndarray:
        """Maps the values of a mask to classes.

        Args:
          mask: Listed values, integers [H, W].

        Returns:
          Classes, uint8 [H, W], 255 for void.
        """
        values, labels = np.array(self.pairs).T
        return labels[np.searchsorted(values, mask)].astype(np.uint8)

    def snap(self, mask: np.ndarray) -> np.ndarray:
        """Maps the values of a mask from a lossy file to classes.

        Args:
          mask: Any integers [H, W].

        Returns:
          Classes of the nearest listed values, uint8 [H, W]; 255 for void and where
          no listed value is near.
        """
        values, labels = np.array(self.pairs).T
        mask = mask.astype(np.int64)
        middles = (values[1:] + values[:-1]) / 2
        nearest = np.searchsorted(middles, mask)  # the lower one at the middle itself
        near = 2 * np.abs(values[nearest] - mask) <= self.gap
        return np.where(near, labels[nearest], VOID).astype(np.uint8)


def parse_labels(option: Any) -> LabelMap | None:
    """Reads the option `data.labels`.

    Args:
      option: A text, or a sequence of texts or of pairs; see the module.

    Returns:
      The map, or None if the option is empty.

    Raises:
      ValueError: If it is no map, a value is listed twice, or there is no class.
    """
    words = option.split() if isinstance(option, str) else tuple(option)
    if not words:
        return None
    shown = " ".join(str(word) for word in words)
    try:
        if len(words) == 1 and isinstance(words[0], str) and "/" in words[0]:
            pairs, binary = _binary(words[0]), True
        else:
            pairs, binary = [_pair(word) for word in words], False
        values = [value for value, _ in pairs]
        if repeated := sorted({v for v in values if values.count(v) > 1}):
            raise ValueError(f"the value {repeated[0]} is listed twice")
        if all(label == VOID for _, label in pairs):
            raise ValueError("it names no class")
    except ValueError as error:
        raise ValueError(
            f"data.labels={shown!r} is invalid: {error}; {EXPECTED}."
        ) from error
    return LabelMap(tuple(sorted(pairs)), binary)


def _binary(word: str) -> list[tuple[int, int]]:
    found = re.fullmatch(r"(\d{1,10})/(\d{1,10})", word, re.ASCII)
    if not found:
        raise ValueError(f"{word!r} is not of the form BACKGROUND/OBJECT")
    return [_checked(int(found[1]), 0), _checked(int(found[2]), 1)]


def _pair(word: Any) -> tuple[int, int]:
    pair = word.split(":") if isinstance(word, str) else word
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise ValueError(f"{word!r} is no pair")
    value, label = (_number(part) for part in pair)
    if isinstance(value, str):
        raise ValueError(f"{value!r} is no mask value")
    if label == "void":
        label = VOID
    if isinstance(label, str):
        raise ValueError(f"{label!r} is neither the number of a class nor void")
    return _checked(value, label)


def _number(part: Any) -> int | str:
    """A number from a number or its text, and other texts as they are."""
    if isinstance(part, str) and re.fullmatch(r"\d{1,10}", part, re.ASCII):
        return int(part)
    if isinstance(part, str) or (isinstance(part, int) and not isinstance(part, bool)):
        return part
    raise ValueError(f"{part!r} is no whole number")


def _checked(value: int, label: int) -> tuple[int, int]:
    if not 0 <= value <= LARGEST:
        raise ValueError(f"the mask value {value} is not within 0 to {LARGEST}")
    if not 0 <= label <= VOID:
        raise ValueError(f"the class {label} is not within 0 to {VOID - 1}")
    return value, label
