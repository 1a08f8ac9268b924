"""Class lists: reading one from a file, comparing two, showing one in a line."""

from __future__ import annotations

import pathlib
import unicodedata
from collections.abc import Sequence

from jaxseg.data.labels import LabelMap
from jaxseg.data.spec import DatasetSpec
from jaxseg.storage.text import MARK, read_lines

FILE = "classes.txt"
JOINERS = "\u200c\u200d"  # format characters that some scripts and emoji need
LARGEST = 255  # names; labels have 8 bits, and 255 is void
SHOWN = 20  # names in a line


def find_class_list(root: pathlib.Path) -> pathlib.Path | None:
    """Finds the class list of a folder, in upper or lower case; None if it has none.

    Raises:
      ValueError: If there are two.
    """
    if not root.is_dir():
        return None
    found = sorted(path for path in root.iterdir() if path.name.lower() == FILE)
    if len(found) > 1:
        raise ValueError(
            f"{found[0]} and {found[1]} both name classes; keep one of them"
        )
    return found[0] if found else None


def read_classes(path: pathlib.Path) -> tuple[str, ...]:
    """Reads the class names in a file, one per line in label order.

    Names are brought into Unicode's composed form (NFC), so that one name has one
    spelling.

    Raises:
      ValueError: Naming the file and the line, if the text cannot be read, a name
        repeats or holds characters that are not printed, or there is no name.
    """
    lines: dict[str, int] = {}
    for number, text in read_lines(path):
        name = unicodedata.normalize("NFC", text)
        _check_printable(name, f"{path}, line {number}")
        if name in lines:
            raise ValueError(
                f"{path}, line {number}: the class name {name!r} repeats that of line "
                f"{lines[name]}; give every class a name of its own"
            )
        lines[name] = number
    if not lines:
        raise ValueError(
            f"{path} names no class; write one name per line, or delete the file"
        )
    if len(lines) > LARGEST:
        raise ValueError(
            f"{path} names {len(lines)} classes; expected at most {LARGEST}, one name "
            "per line"
        )
    return tuple(lines)


def same_classes(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two class lists are equal as a reader sees them.

    Runs of earlier versions may hold names in decomposed form or with a byte-order
    mark.
    """
    return [*map(_plain, one)] == [*map(_plain, other)]


def shown_classes(names: Sequence[str]) -> str:
    """Joins class names with commas and leaves out the middle of a long list.

    >>> shown_classes([f"c{k}" for k in range(150)])[-19:]
    'c18, c19, ..., c149'
    """
    if len(names) <= SHOWN + 1:
        return ", ".join(names)
    return ", ".join([*names[:SHOWN], "...", names[-1]])


def describe_classes(spec: DatasetSpec) -> str:
    """Says how many classes a dataset has, their names and where they come from."""
    origin = spec.origin or f"the record of dataset {spec.name!r}"
    text = f"{spec.num_classes} classes ({origin}): {shown_classes(spec.classes)}"
    if not spec.labels:
        return text
    return f"{text}; label map {LabelMap.of_record(spec.labels)}"


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name.replace(MARK, "").strip())


def _check_printable(name: str, where: str) -> None:
    for character in name:
        kind = unicodedata.category(character)
        if kind in ("Cc", "Cf", "Zl", "Zp") and character not in JOINERS:
            raise ValueError(
                f"{where}: the class name {name!a} holds U+{ord(character):04X}, which "
                "is not a printed character; write one plain name per line"
            )
