"""Finds the image and mask files of a dataset on disk.

A layout is a function that takes a folder and returns the pairs of image and mask of
each split, sorted by name. The layout of a published dataset is in its module in
`jaxseg.data.datasets`. This module contains the layout of a user's folder, and
functions that layouts share. `jaxseg.data.files` decides which files count as images.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Callable, Iterable

from jaxseg.data.files import (
    SUFFIXES,
    list_folder,
    name_key,
    name_others,
    shown,
    stem_of,
    visible_entries,
)
from jaxseg.data.lists import SPLIT_NAMES, find_lists, read_list
from jaxseg.data.parts import File, Page, files_of


class MissingFiles(ValueError):
    """Is raised if a folder of a dataset, or a list of its images, does not exist."""


@dataclasses.dataclass(frozen=True)
class Pair:
    """Names the files of an image and its mask. A missing file is None.

    Attributes:
      name: The common name of both files, without suffix, in composed Unicode form.
      image: The image file, or one picture in a file.
      mask: The mask file, or one picture in a file, or a mask file that is read
        together with further files.
      origin: The place of the pair in a list, such as "train.txt, line 3", or "" if no
        list names the pair.
      others: The files with this name that do not count as images, for error messages.
    """

    name: str
    image: File | None
    mask: File | None
    origin: str = ""
    others: tuple[pathlib.Path, ...] = ()


Match = Callable[[pathlib.Path, pathlib.Path], list[Pair]]


def folder_pairs(
    root: pathlib.Path, lists: Iterable[str] = (), *, match: Match | None = None
) -> dict[str, list[Pair]]:
    """Pairs images and masks in `root/<split>/{images,masks}` or `root/{images,masks}`.

    In the second structure, text files such as `root/train.txt`, `root/val.txt` or
    `root/test.txt` list the images of a split. Each line is the name of an image, with
    or without suffix. If there are no such files, all pairs belong to `train`. Images
    and masks are matched by their names without suffix. The splits `val` and `valid`
    are called `validation`.

    Args:
      root: The folder.
      lists: The names of splits, besides train, validation and test, that have a text
        file with the names of their images. Other text files are ignored.
      match: A function that returns the pairs of a folder of images and a folder of
        masks. The default is `match_folders`, after a check that the folder of masks
        contains files, and not only one folder for each class.

    Returns:
      A dictionary from each split to the list of its pairs.

    Raises:
      ValueError: If the folder has neither structure, two files share a name, or a list
        cannot be used.
    """
    match = match or _match_masks
    require_folder(root)
    if (root / "images").is_dir():
        require_folder(root / "masks")
        pairs = match(root / "images", root / "masks")
        found = find_lists(root, lists)
        if not found:
            return {"train": pairs}
        return {split: listed_pairs(path, pairs) for split, path in found.items()}
    entries = visible_entries(root)
    splits = [p for p in entries if (p / "images").is_dir()]
    if not splits:
        names = [p.name for p in entries]
        raise ValueError(
            f"data.raw_dir={str(root)!r} is invalid: expected images/ or "
            f"<split>/images/ in this folder, found {names}. Correct the path."
        )
    for split in splits:
        require_folder(split / "masks")
    return _named((p.name, match(p / "images", p / "masks")) for p in splits)


def left_out(
    splits: dict[str, list[Pair]],
) -> dict[pathlib.Path, tuple[pathlib.Path, ...]]:
    """Finds the files in the folders of images and masks that do not count as images.

    Args:
      splits: The pairs of each split.

    Returns:
      A dictionary from each folder that has such files to these files.
    """
    pairs = [pair for members in splits.values() for pair in members]
    files = [file for pair in pairs for file in (pair.image, pair.mask) if file]
    folders = sorted({path.parent for file in files for path in files_of(file)})
    found = {folder: list_folder(folder).others for folder in folders}
    return {folder: others for folder, others in found.items() if others}


def fingerprint(splits: dict[str, list[Pair]], options: Iterable[object]) -> str:
    """Returns a digest of a dataset's files and options as 16 hexadecimal digits.

    It changes if an option, or the name, size or modification time of a file changes.

    Args:
      splits: The pairs of each split.
      options: The options that decide what the prepared data contain.
    """
    digest = hashlib.sha256(repr(tuple(options)).encode())
    for split in sorted(splits):
        digest.update(f"\n{split}".encode())
        for pair in splits[split]:
            for path in (pair.image, pair.mask):
                stamp = f"\n{pair.name} {_stamps(path)}"
                digest.update(stamp.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:16]


def _stamps(file: File | None) -> str:
    if file is None:
        return "missing"
    page = f" {file.number}" if isinstance(file, Page) else ""
    return "\n".join(map(_stamp, files_of(file))) + page


def _stamp(path: pathlib.Path) -> str:
    try:
        status = os.stat(path)
    except OSError:  # A broken link, for example. The reader reports it.
        return f"{path} unreadable"
    return f"{path} {status.st_size} {status.st_mtime_ns}"


def _named(found: Iterable[tuple[str, list[Pair]]]) -> dict[str, list[Pair]]:
    splits: dict[str, list[Pair]] = {}
    for name, pairs in found:
        split = SPLIT_NAMES.get(name, name)
        if split in splits:
            raise ValueError(
                f"split {split!r} is defined twice, once by the folder {name!r}: "
                "expected one folder per split. Merge or rename the folders."
            )
        splits[split] = pairs
    return splits


def require_folder(path: pathlib.Path) -> None:
    """Raises `MissingFiles` unless a path is an existing folder.

    Args:
      path: The path.
    """
    if not path.is_dir():
        raise MissingFiles(
            f"{path} is not a folder: expected a folder of the dataset's files."
        )


def match_folders(images: pathlib.Path, masks: pathlib.Path) -> list[Pair]:
    """Returns a list of the pairs of a folder of images and a folder of masks.

    An image and a mask form a pair if their names without suffix are equal.

    Args:
      images: The folder of images.
      masks: The folder of masks.

    Raises:
      ValueError: If a folder contains no image, or two of its files share a name.
    """
    left, right = list_folder(images), list_folder(masks)
    for folder, listing in ((images, left), (masks, right)):
        if listing.others and not listing.images:
            raise ValueError(
                f"{shown(folder)} contains no image: {name_others(listing.others)}."
            )
    others: dict[str, tuple[pathlib.Path, ...]] = {}
    for path in left.others + right.others:
        name = name_key(stem_of(path))
        others[name] = (*others.get(name, ()), path)
    first, second = _by_name(left.images), _by_name(right.images)
    return [
        Pair(name, first.get(name), second.get(name), others=others.get(name, ()))
        for name in sorted(first | second)
    ]


def _match_masks(images: pathlib.Path, masks: pathlib.Path) -> list[Pair]:
    entries = visible_entries(masks)
    if entries and all(entry.is_dir() for entry in entries):
        raise ValueError(
            f"{shown(masks)} contains only folders, such as {shown(entries[0].name)}: "
            "expected mask files. If each folder contains the masks of one class, pass "
            "--data.name multilabel_folder."
        )
    return match_folders(images, masks)


def _by_name(paths: Iterable[pathlib.Path], end: str = "") -> dict[str, pathlib.Path]:
    found: dict[str, pathlib.Path] = {}
    for path in paths:
        name = name_key(stem_of(path).removesuffix(end))
        if name in found:
            raise ValueError(
                f"{shown(found[name])} and {shown(path)} share one name: expected a "
                "different name for each image. Rename or remove one of them."
            )
        found[name] = path
    return found


def match_trees(
    images: pathlib.Path, masks: pathlib.Path, *, image_end: str, mask_end: str
) -> list[Pair]:
    """Pairs the images and masks of two folder trees by names with different endings.

    A file is used if its name without suffix has the given ending. The text before the
    ending is the name of the pair. An image and a mask with the same name form a pair.

    Args:
      images: The root folder of the images, such as `leftImg8bit/train`.
      masks: The root folder of the masks, such as `gtFine/train`.
      image_end: The ending of images, such as "_leftImg8bit".
      mask_end: The ending of masks, such as "_gtFine_labelIds".

    Returns:
      A list of `Pair` objects, sorted by name.

    Raises:
      ValueError: If a folder is missing, or two files of a tree share a name.
    """
    first, second = (
        _by_name(_files_below(root, end), end)
        for root, end in ((images, image_end), (masks, mask_end))
    )
    return [
        Pair(name, first.get(name), second.get(name)) for name in sorted(first | second)
    ]


def _files_below(root: pathlib.Path, end: str) -> list[pathlib.Path]:
    require_folder(root)
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    files = [path for folder in folders for path in list_folder(folder).images]
    return sorted(path for path in files if path.stem.endswith(end))


def listed_pairs(path: pathlib.Path, pairs: list[Pair]) -> list[Pair]:
    """Returns a list of the pairs that a text file lists, in the order of the file.

    Args:
      path: A text file with one name per line, with or without suffix.
      pairs: All existing pairs. If a listed name has no pair, the result contains a
        pair without files, which is reported as missing.
    """
    known = {pair.name: pair for pair in pairs}
    missing = Pair("", None, None)
    return [
        dataclasses.replace(
            known.get(name, missing), name=name, origin=f"{path.name}, line {number}"
        )
        for number, name in read_list(path, known, SUFFIXES)
    ]
