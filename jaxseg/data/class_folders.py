"""Reads masks of classes that overlap, with one folder of mask files per class.

The mask of an image for a class is `masks/CLASS/NAME.png`. It contains 0 and 1, or 0
and 255. Every image needs a mask for every class. A further folder `valid` next to
`masks` is optional. Its files are 0 at pixels that are ignored in the loss and in the
scores.
"""

from __future__ import annotations

import functools
import pathlib
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np

from jaxseg.data.classes import find_class_list, read_classes
from jaxseg.data.files import shown, visible_entries
from jaxseg.data.label_bits import overlapping_void, pack
from jaxseg.data.layouts import Pair, folder_pairs, match_folders
from jaxseg.data.parts import Joined
from jaxseg.data.reader import ReadOptions, read_header, read_pixels

MASKS, VALID = "masks", "valid"


class MissingMask(ValueError):
    """Is raised if an image has no mask file for one of the classes."""


def class_folder_pairs(
    root: pathlib.Path, lists: Iterable[str] = ()
) -> dict[str, list[Pair]]:
    """Pairs each image with the mask files of its classes in `masks/CLASS`.

    The folder `masks` is inside `root`, or inside a folder of each split such as
    `root/train`; see `jaxseg.data.layouts.folder_pairs`.

    Args:
      root: The folder of the dataset.
      lists: The names of splits, besides train, validation and test, that have a text
        file with the names of their images.

    Returns:
      A dictionary from each split to the list of its pairs. The mask of a pair is a
      `jaxseg.data.parts.Joined` object that names the mask files of all classes.

    Raises:
      ValueError: If the files are not arranged in these folders.
    """
    return folder_pairs(root, lists, match=match_class_folders)


def match_class_folders(images: pathlib.Path, masks: pathlib.Path) -> list[Pair]:
    """Pairs each image with the files of the same name in all class folders.

    Args:
      images: The folder of images.
      masks: The folder that contains the class folders. Each class folder contains the
        masks of one class.

    Returns:
      A list of `Pair` objects, sorted by name.

    Raises:
      ValueError: If `masks` contains no class folder, or a folder contains no image.
    """
    folders = _folders(masks)
    if not folders:
        raise ValueError(
            f"{masks} contains no folder: expected one folder of masks for each class, "
            f"such as {masks / 'CLASS'}. If "
            "the masks contain class indices, pass `--data.name folder`."
        )
    valid = masks.parent / VALID
    folders += [valid] if valid.is_dir() else []
    matched = [match_folders(images, folder) for folder in folders]
    found: dict[str, list[Pair]] = {}
    for pairs in matched:
        for pair in pairs:
            found.setdefault(pair.name, []).append(pair)
    return [_joined(name, found[name]) for name in sorted(found)]


def class_folder_names(
    root: str | pathlib.Path | None, given: Sequence[str] = ()
) -> tuple[tuple[str, ...], str]:
    """Returns a pair: the names of the classes, and a text that states their origin.

    The names are `given` if it is not empty. Otherwise they are those in the file
    `classes.txt`, or, without this file, the sorted names of the class folders.

    Args:
      root: The folder of the raw files, or None if only `given` is known.
      given: The class names in the option `data.classes`, or () if it is not set.

    Raises:
      ValueError: If there are too many classes, or a listed class has no folder.
    """
    names = tuple(unicodedata.normalize("NFC", name).strip() for name in given)
    origin = "--data.classes"
    if root is None:
        return names, origin
    root = pathlib.Path(root).expanduser()
    if not names and (file := find_class_list(root)) is not None:
        names, origin = read_classes(file), str(file)
    places = [root] if (root / MASKS).is_dir() else _folders(root)
    folders = {
        unicodedata.normalize("NFC", folder.name)
        for place in places
        for folder in _folders(place / MASKS)
    }
    if not names:
        names, origin = tuple(sorted(folders)), f"the folders of {root}"
    elif missing := sorted(set(names) - folders):
        raise ValueError(
            f"{origin}: the class {missing[0]!r} has no folder of masks in {root}: "
            f"expected only names in this list: {', '.join(sorted(folders))}."
        )
    if names:
        overlapping_void(len(names))
    return names, origin


def class_mask_reader(classes: tuple[str, ...]) -> functools.partial:
    """Returns a function that reads the masks of all classes as one label.

    Args:
      classes: The names of the classes. Class k is stored as bit k of the label.

    Returns:
      A function that takes the mask files and the options of the image reader, and
      returns the label. See `read_class_masks`.
    """
    return functools.partial(read_class_masks, classes=classes)


def read_class_masks(
    file: Joined, options: ReadOptions, *, classes: tuple[str, ...]
) -> np.ndarray:
    """Reads the mask of each class, and returns one label that combines the masks.

    Args:
      file: The mask files.
      options: The options of the image reader.
      classes: The names of the classes.

    Returns:
      The label, uint8 or uint16 [H, W], in which bit k is 1 where class k is present.
      See `jaxseg.data.label_bits`.

    Raises:
      ValueError: If a mask is missing or cannot be read, if the masks differ in size,
        or if a mask has values other than 0 and 1, or 0 and 255.
    """
    files = (file.path, *file.others)
    by_class = {
        unicodedata.normalize("NFC", path.parent.name): path
        for path in files
        if path.parent.parent.name == MASKS
    }
    if missing := [name for name in classes if name not in by_class]:
        expected = file.path.parent.parent / missing[0] / file.path.name
        raise MissingMask(
            f"{shown(file)} has no mask of the class {missing[0]!r}: expected "
            f"{expected}. Write a mask of zeros if the class is absent."
        )
    present = [_read_present(by_class[name], options) for name in classes]
    valid = [path for path in files if path.parent.parent.name != MASKS]
    known = [_read_present(path, options) for path in valid]
    paths = [*(by_class[name] for name in classes), *valid]
    for path, mask in zip(paths, present + known, strict=True):
        if mask.shape != present[0].shape:
            size, first = (" x ".join(map(str, x.shape)) for x in (mask, present[0]))
            raise ValueError(
                f"{shown(path)} is {size}: expected {first} (height x width), the size "
                f"of {shown(by_class[classes[0]])}."
            )
    everywhere = np.ones(present[0].shape, bool)
    return pack(np.stack(present, -1), known[0] if known else everywhere)


def _read_present(path: pathlib.Path, options: ReadOptions) -> np.ndarray:
    """Returns booleans [H, W], where a mask is not 0."""
    if read_header(path, options, mask=True).lossy:
        raise ValueError(
            f"{shown(path)}: the compression of lossy formats (JPEG, WebP) changes "
            "mask values. Save the masks as PNG."
        )
    values = read_pixels(path, options, mask=True)
    found = set(np.unique(values).tolist())
    if not (found <= {0, 1} or found <= {0, 255}):
        raise ValueError(
            f"{shown(path)}: the mask values {sorted(found)[:8]} are invalid: expected "
            "0 and 1, or 0 and 255, because each mask shows one class."
        )
    return values != 0


def _folders(place: pathlib.Path) -> list[pathlib.Path]:
    if not place.is_dir():
        return []
    return [path for path in visible_entries(place) if path.is_dir()]


def _joined(name: str, pairs: list[Pair]) -> Pair:
    """Returns one pair of an image and the masks of all folders."""
    images = [pair.image for pair in pairs if pair.image is not None]
    masks = [pair.mask for pair in pairs if pair.mask is not None]
    own = [path for path in masks if path.parent.parent.name == MASKS]
    others = tuple(path for path in masks if path is not (own or masks)[0])
    mask = Joined(own[0], others) if own else None
    return Pair(name, images[0] if images else None, mask, others=pairs[0].others)
