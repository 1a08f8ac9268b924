"""Reads text files such as train.txt and val.txt, which list the images of splits."""

from __future__ import annotations

import pathlib
from collections.abc import Collection, Iterable

from jaxseg.data.files import name_key
from jaxseg.storage.text import Line, read_lines

SPLIT_NAMES = {"val": "validation", "valid": "validation"}
LISTS = ("train", "val", "valid", "validation", "test")


def split_names(*splits: str) -> tuple[str, ...]:
    """Returns the sorted names of the splits in expressions such as "train[:90%]+more".

    >>> split_names("train[:90%]+more", "train")
    ('more', 'train')
    """
    parts = "+".join(splits).split("+")
    return tuple(sorted({part.partition("[")[0].strip() for part in parts} - {""}))


def find_lists(root: pathlib.Path, more: Iterable[str] = ()) -> dict[str, pathlib.Path]:
    """Finds the text files in a folder that list the images of splits.

    Args:
      root: The folder.
      more: The names of splits, besides train, validation and test, that can have a
        list. Other text files are ignored.

    Returns:
      A dictionary from each split to its text file. A file that is named after "val" or
      "valid" is the list of the split "validation". Upper and lower case are not
      distinguished.

    Raises:
      ValueError: If two lists belong to one split.
    """
    wanted = {*LISTS, *more}
    found: dict[str, pathlib.Path] = {}
    for path in sorted(root.iterdir()):
        name = path.stem if path.stem in wanted else path.stem.lower()
        if path.suffix.lower() != ".txt" or name not in wanted or not path.is_file():
            continue
        split = SPLIT_NAMES.get(name, name)
        if split in found:
            raise ValueError(
                f"{found[split]} and {path} are both lists of the split {split!r}: "
                "expected one list per split. Delete one of them."
            )
        found[split] = path
    return found


def read_list(
    path: pathlib.Path, known: Collection[str], suffixes: tuple[str, ...]
) -> list[Line]:
    """Reads the names in a list, one per line, with or without suffix.

    Args:
      path: The list.
      known: The names of the existing images, without suffix. If a line equals one of
        these names, nothing is removed from it, even if it ends with a suffix.
      suffixes: The suffixes of image files in lower case.

    Returns:
      A list of pairs (line number, name). The names have no suffix and no folder.

    Raises:
      ValueError: If the text cannot be read, there is no name, or a name repeats.
    """
    lines: dict[str, int] = {}
    for number, line in read_lines(path):
        name = name_key(line)
        if name not in known:
            _check_single(line, suffixes, f"{path}, line {number}")
        if name not in known and name.lower().endswith(suffixes):
            name = pathlib.PurePosixPath(name).stem
        if name in lines:
            raise ValueError(
                f"{path}, line {number}: the name {name!r} repeats line "
                f"{lines[name]}: expected each image once. Delete one of the lines."
            )
        lines[name] = number
    if not lines:
        raise ValueError(
            f"{path} contains no name of an image: expected one name per line. Add the "
            "names or delete the file."
        )
    return [Line(number, name) for name, number in lines.items()]


def _check_single(line: str, suffixes: tuple[str, ...], where: str) -> None:
    """Raises ValueError if a line contains files of different names.

    Some datasets list each image with its mask, which has the same name here.
    """
    words = line.split()
    if not all(word.lower().endswith(suffixes) for word in words):
        return
    names = {pathlib.PurePosixPath(word).stem for word in words}
    if len(names) > 1:
        raise ValueError(
            f"{where}: {line!r} contains files with different names: expected an "
            "image, or an image and a mask with the same name. Rename one of the files."
        )
