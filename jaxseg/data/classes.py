"""Reads, compares and prints lists of class names."""

from __future__ import annotations

import pathlib
import re
import unicodedata
from collections.abc import Iterable, Sequence

from jaxseg.data.ignore_index import counted_void, require_few, void_of
from jaxseg.data.label_bits import overlapping_void
from jaxseg.data.labels import LabelMap
from jaxseg.data.spec import DatasetSpec, generated_palette
from jaxseg.storage.text import MARK, read_lines

FILE = "classes.txt"
JOINERS = "\u200c\u200d"  # Some scripts and emoji need these format characters.
SHOWN = 20  # A message names at most this many classes.
COUNTED = "counted in the masks"
_NUMBERED = re.compile(r"(\d{1,9})(?:\s*[:;,.=)\]-]|\s)\s*\S", re.ASCII)


def find_class_list(root: pathlib.Path) -> pathlib.Path | None:
    """Finds the file `classes.txt` of a folder, in upper or lower case.

    Args:
      root: The folder.

    Returns:
      The path of the file, or None if the folder does not have one.

    Raises:
      ValueError: If the folder has two such files.
    """
    if not root.is_dir():
        return None
    found = sorted(path for path in root.iterdir() if path.name.lower() == FILE)
    if len(found) > 1:
        raise ValueError(
            f"{found[0]} and {found[1]} are invalid together: expected one class list. "
            "Delete one of them."
        )
    return found[0] if found else None


def read_classes(path: pathlib.Path) -> tuple[str, ...]:
    """Returns the class names in a file, which has one name per line in label order.

    Names are converted to Unicode's composed form (NFC), so that each name has one
    spelling.

    Args:
      path: The file.

    Raises:
      ValueError: If the text cannot be read, a name repeats or contains unprintable
        characters, or there is no name. The message names the file and the line.
    """
    lines: dict[str, int] = {}
    for number, text in read_lines(path):
        name = unicodedata.normalize("NFC", text)
        _check_printable(name, f"{path}, line {number}")
        if name.startswith("#"):
            raise ValueError(
                f"{path}, line {number}: {name!r} is a comment: expected a class name, "
                "because each line counts as a class. Delete the line."
            )
        if name in lines:
            raise ValueError(
                f"{path}, line {number}: the class name {name!r} repeats line "
                f"{lines[name]}: expected a different name for each class."
            )
        lines[name] = number
    if not lines:
        raise ValueError(
            f"{path} contains no class name: expected one name per line. Add the "
            "names or delete the file."
        )
    require_few(len(lines), str(path))
    _check_numbers(tuple(lines), path)
    return tuple(lines)


def same_classes(one: Sequence[str], other: Sequence[str]) -> bool:
    """Returns whether two class lists have equal names in the same order.

    Before the comparison, names are normalized (Unicode NFC) and a byte-order mark is
    removed, because earlier versions of jaxseg stored names without these changes.

    Args:
      one: Class names in label order.
      other: Class names in label order.
    """
    return [*map(_plain, one)] == [*map(_plain, other)]


def shown_classes(names: Sequence[str]) -> str:
    """Returns class names joined by commas, without the middle of a long list.

    >>> shown_classes([f"c{k}" for k in range(150)])[-19:]
    'c18, c19, ..., c149'
    """
    if len(names) <= SHOWN + 1:
        return ", ".join(names)
    return ", ".join([*names[:SHOWN], "...", names[-1]])


def named_classes(
    path: str | None, classes: tuple[str, ...], labels: LabelMap | None
) -> tuple[tuple[str, ...], str]:
    """Finds the class names of a folder in the options or in its `classes.txt`.

    Args:
      path: The folder of the raw files.
      classes: The class names of the configuration.
      labels: The label map, or None.

    Returns:
      A pair: the class names, and a text that says where they come from. The names are
      () if the masks determine the classes.

    Raises:
      ValueError: If `classes.txt` cannot be used, or the label map contradicts the
        names.
    """
    origin = "--data.classes"
    classes = tuple(unicodedata.normalize("NFC", name).strip() for name in classes)
    for name in classes:
        _check_printable(name, origin)
        if not name:
            raise ValueError(
                f"{origin} contains an empty class name: expected a name. Pass the "
                "name of the class."
            )
    if path and not classes:
        file = find_class_list(pathlib.Path(path).expanduser())
        if file is not None:
            classes, origin = read_classes(file), str(file)
    if labels is not None and classes:
        labels.require_classes(len(classes), origin)
    if classes:
        return classes, origin
    if labels is not None:
        return labels.class_names(), "--data.labels"
    return (), COUNTED


def counted_names(labels: Iterable[int]) -> tuple[str, ...]:
    """Returns the names class_0, class_1, ... up to the largest label in the masks.

    Labels that do not occur get a name, too.

    Args:
      labels: The labels that occur in the masks. The ignore index gets no name.

    >>> counted_names([0, 2, 255])
    ('class_0', 'class_1', 'class_2')
    """
    found = set(labels)
    highest = max(found - {counted_void(found)})
    return tuple(f"class_{k}" for k in range(highest + 1))


def folder_spec(names: tuple[str, ...], origin: str = "") -> DatasetSpec:
    """Returns the `DatasetSpec` of a folder of images and masks with given classes.

    Args:
      names: The class names in label order.
      origin: Where the names come from, for error messages.

    Raises:
      ValueError: If a name repeats, or there are too many.
    """
    require_few(len(names), origin or "The class list")
    palette, void = generated_palette(len(names)), void_of(len(names))
    return DatasetSpec("folder", tuple(names), palette, void=void, origin=origin)


def overlapping_spec(names: tuple[str, ...], origin: str = "") -> DatasetSpec:
    """Returns the `DatasetSpec` of a folder of images whose classes can overlap.

    Args:
      names: The class names. Class k is stored as bit k of a label.
      origin: Where the class names come from, for error messages.

    Raises:
      ValueError: If a name repeats, or there are too many.
    """
    return DatasetSpec(
        "multilabel_folder",
        tuple(names),
        generated_palette(len(names) + 1)[1:],  # The first color is black.
        void=overlapping_void(len(names)),
        origin=origin,
        multilabel=True,
    )


def describe_classes(spec: DatasetSpec) -> str:
    """Returns text with the number of classes, their names and the names' origin.

    The text ends with the label map, if the dataset has one.
    """
    origin = spec.origin or f"the record of dataset {spec.name!r}"
    text = f"{spec.num_classes} classes ({origin}): {shown_classes(spec.classes)}"
    if not spec.labels:
        return text
    return f"{text}; label map {LabelMap.of_record(spec.labels)}"


def describe_source(spec: DatasetSpec) -> str:
    """Returns text that names the tensorflow_datasets features that are read.

    The result is "" for datasets that are not from tensorflow_datasets.
    """
    found = dict(spec.source)
    if not found:
        return ""
    return (
        f"tfds:{found['builder']}: the feature {found['image']!r} is read as image, "
        f"and the feature {found['label']!r} is read as mask"
    )


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name.replace(MARK, "").strip())


def _check_numbers(names: Sequence[str], path: pathlib.Path) -> None:
    """Raises ValueError if the lines are numbered, but not 0, 1, 2, ... in order.

    The line of a name is its label, so other numbers would contradict it.
    """
    found = [_NUMBERED.match(name) for name in names]
    numbers = [int(match[1]) for match in found if match]
    if 2 * len(numbers) <= len(names) or numbers == list(range(len(names))):
        return
    number, name = next(
        (k, name)
        for k, (name, match) in enumerate(zip(names, found, strict=True))
        if match is None or int(match[1]) != k
    )
    raise ValueError(
        f"{path}: the name {name!r} has the label {number}, which is its position in "
        "the file, from 0. The numbers in the lines differ from the labels: expected "
        "no numbers, or 0, 1, 2, ... in this order. Write one name per line in the "
        "order of the labels, without numbers."
    )


def _check_printable(name: str, where: str) -> None:
    for character in name:
        kind = unicodedata.category(character)
        if kind in ("Cc", "Cf", "Zl", "Zp") and character not in JOINERS:
            raise ValueError(
                f"{where}: the class name {name!a} contains U+{ord(character):04X}: "
                "expected printable characters only. Remove the character."
            )
