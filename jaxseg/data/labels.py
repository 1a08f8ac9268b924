"""Defines the label map, which states what the values in mask files mean.

The option `data.labels` lists mask values and the class of each value:

    0:void 1:0 2:1     value 0 is ignored, 1 is class 0, 2 is class 1
    0/255              0 is class 0 (background), 255 is class 1 (object)

Every value that occurs must be listed, including 255. In Python the pairs can also be
tuples, `((0, "void"), (1, 0), (2, 1))`.

Lossy compression (JPEG, lossy WebP) creates values that are not listed. A pixel with
such a value is assigned to the nearest listed value, if their distance is at most half
of the smallest distance between two listed values. If two listed values are equally
near, the lower one is chosen. If none is near enough, the pixel is void. With `0/255`,
the values 0 to 127 are background and 128 to 255 are object. For lossy files, the
listed values must be at least 32 apart. At the border between two classes, lossy
compression creates all values in between, which can belong to a third class. Lossless
masks avoid this error.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from jaxseg.data.ignore_index import counted_void
from jaxseg.data.spec import MOST_CLASSES, VOID

LOSSY_GAP = 32  # Compression noise blurs values that are closer.
LARGEST = 2**32 - 1  # The largest value of a pixel in a mask.
BINARY = ("background", "object")  # The class names of the short form.
SHOWN = 12  # A message shows at most this many pairs.
EXPECTED = (
    "expected pairs VALUE:CLASS or VALUE:void, such as 0:void 1:0 2:1, or "
    "BACKGROUND/OBJECT, such as 0/255"
)


@dataclasses.dataclass(frozen=True)
class LabelMap:
    """Maps every value in mask files to a class.

    Attributes:
      pairs: Pairs (mask value, class number), sorted by value. Pixels are ignored if
        their class number equals the property `void`.
      binary: Whether the map was given in the short form BACKGROUND/OBJECT.
    """

    pairs: tuple[tuple[int, int], ...]
    binary: bool = False

    def __str__(self) -> str:
        words = [f"{v}:{'void' if k == self.void else k}" for v, k in self.pairs]
        if len(words) > SHOWN:
            words = [*words[: SHOWN - 2], "...", words[-1]]
        return " ".join(words)

    @property
    def void(self) -> int:
        """Returns the ignore index, 255, or 65535 if 255 can be a class of the map."""
        return counted_void({label for _, label in self.pairs})

    @property
    def values(self) -> tuple[int, ...]:
        """Returns a tuple of the mask values that the map lists, in ascending order."""
        return tuple(value for value, _ in self.pairs)

    @property
    def classes(self) -> tuple[int, ...]:
        """Returns a tuple of the class numbers of the map in order, without void."""
        return tuple(sorted({label for _, label in self.pairs} - {self.void}))

    @property
    def record(self) -> tuple[tuple[int, int | str], ...]:
        """Returns the map as a tuple of pairs (mask value, class number or "void")."""
        return tuple((v, "void" if k == self.void else k) for v, k in self.pairs)

    @classmethod
    def of_record(cls, record: tuple[tuple[int, int | str], ...]) -> LabelMap:
        """Creates a label map from the pairs that `DatasetSpec.labels` stores.

        Args:
          record: The pairs that the property `record` returned.
        """
        return cls(_numbered(record))

    @property
    def gap(self) -> int:
        """Returns the smallest difference between two mask values that the map lists.

        The difference is 0 if the map lists only one value.
        """
        return int(np.diff(self.values).min()) if len(self.pairs) > 1 else 0

    def require_classes(self, count: int, origin: str) -> None:
        """Raises ValueError unless a dataset has all classes of the map.

        Args:
          count: The number of classes of the dataset.
          origin: Where the classes come from, for error messages.

        Raises:
          ValueError: If the map contains a class beyond `count - 1`.
        """
        if self.classes[-1] >= count:
            raise ValueError(
                f"data.labels={str(self)!r} is invalid: expected the classes 0 to "
                f"{count - 1} of {origin}, found {self.classes[-1]}. Add the missing "
                "class names or correct the map."
            )

    def class_names(self) -> tuple[str, ...]:
        """Returns a tuple of class names for the map: class_0, class_1 and so on.

        For a map of the form BACKGROUND/OBJECT, they are background and object.

        Raises:
          ValueError: If the classes are not 0, 1, 2, ... without a gap.
        """
        if self.binary:
            return BINARY
        if self.classes != tuple(range(len(self.classes))):
            raise ValueError(
                f"data.labels={str(self)!r} is invalid: expected the classes 0, 1, ... "
                f"without a gap, found {', '.join(map(str, self.classes))}. Renumber "
                "the classes or pass all class names with --data.classes."
            )
        return tuple(f"class_{k}" for k in self.classes)

    def apply(
        self, mask: np.ndarray, *, strict: bool = True, void: int | None = None
    ) -> np.ndarray:
        """Maps the values of a mask to classes.

        Args:
          mask: Integers [H, W].
          strict: Whether the caller has checked that all values are listed. Otherwise,
            values that are not listed become void.
          void: The ignore index of the result. The default is the property `void`.

        Returns:
          Classes [H, W], uint8, or uint16 if `void` is 65535.
        """
        values, labels, ignored = self._table(void)
        places = np.searchsorted(values, mask)
        if strict:
            return labels[places]
        places = np.minimum(places, len(values) - 1)
        return np.where(values[places] == mask, labels[places], ignored)

    def snap(self, mask: np.ndarray, *, void: int | None = None) -> np.ndarray:
        """Maps the values of a mask from a lossy file to classes.

        Args:
          mask: Any integers [H, W].
          void: The ignore index of the result, as in `apply`.

        Returns:
          The classes of the nearest listed values, [H, W]. Pixels whose nearest value
          is void or too far away are void.
        """
        values, labels, ignored = self._table(void)
        mask = mask.astype(np.int64)
        middles = (values[1:] + values[:-1]) / 2
        nearest = np.searchsorted(
            middles, mask
        )  # A value in the middle takes the lower one.
        near = 2 * np.abs(values[nearest] - mask) <= self.gap
        return np.where(near, labels[nearest], ignored)

    def _table(self, void: int | None) -> tuple[np.ndarray, np.ndarray, np.integer]:
        """Returns the values, their classes, and the ignore index in their type."""
        void = self.void if void is None else void
        values, labels = np.array(self.pairs).T
        labels = np.where(labels == self.void, void, labels)
        dtype = np.uint8 if void <= VOID else np.uint16
        return values, labels.astype(dtype), dtype(void)


def parse_labels(option: Any) -> LabelMap | None:
    """Reads the option `data.labels`.

    Args:
      option: A text, or a sequence of texts or of pairs, as the docstring of this
        module describes.

    Returns:
      The map, or None if the option is empty.

    Raises:
      ValueError: If the option is not a map, lists a value twice or lists no class.
    """
    words = option.split() if isinstance(option, str) else tuple(option)
    if not words:
        return None
    shown = " ".join(str(word) for word in words)
    try:
        if len(words) == 1 and isinstance(words[0], str) and "/" in words[0]:
            pairs, binary = _binary(words[0]), True
        else:
            pairs, binary = _numbered([_pair(word) for word in words]), False
        values = [value for value, _ in pairs]
        if repeated := sorted({v for v in values if values.count(v) > 1}):
            raise ValueError(f"the mask value {repeated[0]} is listed twice")
        if all(label in ("void", VOID) for _, label in pairs):
            raise ValueError("all mask values are mapped to void")
    except ValueError as error:
        raise ValueError(
            f"data.labels={shown!r} is invalid: {EXPECTED}, but {error}."
        ) from error
    return LabelMap(tuple(sorted(pairs)), binary)


def _binary(word: str) -> tuple[tuple[int, int], ...]:
    found = re.fullmatch(r"(\d{1,10})/(\d{1,10})", word, re.ASCII)
    if not found:
        raise ValueError(f"{word!r} is not of the form BACKGROUND/OBJECT")
    return ((_checked(int(found[1])), 0), (_checked(int(found[2])), 1))


def _pair(word: Any) -> tuple[int, int | str]:
    pair = word.split(":") if isinstance(word, str) else word
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise ValueError(f"{word!r} is not a pair VALUE:CLASS")
    value, label = (_number(part) for part in pair)
    if isinstance(value, str):
        raise ValueError(f"{value!r} is not a whole number from 0 to {LARGEST}")
    if isinstance(label, str) and label != "void":
        raise ValueError(f"the class {label!r} is neither a class number nor void")
    value = _checked(value)
    if isinstance(label, int) and not 0 <= label < MOST_CLASSES:
        raise ValueError(f"the class {label} is not within 0 to {MOST_CLASSES - 1}")
    return value, label


def _number(part: Any) -> int | str:
    """Converts a text of digits to an integer and returns other texts unchanged."""
    if isinstance(part, str) and re.fullmatch(r"\d{1,10}", part, re.ASCII):
        return int(part)
    if isinstance(part, str) or (isinstance(part, int) and not isinstance(part, bool)):
        return part
    raise ValueError(f"{part!r} is not an integer")


def _numbered(pairs: Iterable[tuple[int, int | str]]) -> tuple[tuple[int, int], ...]:
    """Replaces "void" by the ignore index that the classes need."""
    pairs = tuple(pairs)
    void = counted_void({label for _, label in pairs if isinstance(label, int)})
    return tuple(
        (value, label if isinstance(label, int) else void) for value, label in pairs
    )


def _checked(value: int) -> int:
    if not 0 <= value <= LARGEST:
        raise ValueError(f"the mask value {value} is not within 0 to {LARGEST}")
    return value
