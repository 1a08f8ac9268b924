"""Selects the image files that `jaxseg predict` reads, and names their results."""

from __future__ import annotations

import glob
import logging
import os
from collections import Counter
from pathlib import Path

from jaxseg.data.files import (
    SUFFIXES,
    counts,
    is_left_behind,
    list_folder,
    name_key,
    name_others,
    stem_of,
)
from jaxseg.data.parts import Page
from jaxseg.data.reader import read_pixels as read_rgb
from jaxseg.data.reader import read_size as size_of
from jaxseg.data.slices import slices_of
from jaxseg.inference.uncertainty.averaging import MAPS

__all__ = ["collect", "named_images", "output_names", "read_rgb", "size_of"]

logger = logging.getLogger(__name__)
MAP_ENDS = tuple(f"_uncertainty_{name}" for name in MAPS)
ENDS = ("", "_overlay", "_raw", "_attention", "_crf", *MAP_ENDS)


def collect(arguments: tuple[str, ...]) -> list[Path]:
    """Lists the image files that the arguments name, each once, in the given order.

    A directory stands for the images directly in it, sorted by name. `**` in a pattern
    matches folders at any depth. `jaxseg.data.files` decides which files count as
    images; a warning names the other files of a directory or pattern. The path of a
    single file is always in the result; if it is not an image, reading it will fail.

    Args:
        arguments: Paths of files and directories, and patterns.

    Raises:
        ValueError: If there is no argument, or no image in a directory or pattern.
    """
    if not arguments:
        raise ValueError(
            "images=() is invalid: expected at least one file, directory or pattern."
        )
    found: dict[str, Path] = {}
    for argument in arguments:
        paths, others = _named(argument)
        if not paths:
            problem = name_others(others) or (
                f"there is no file with a suffix out of {', '.join(SUFFIXES)}"
            )
            raise ValueError(
                f"images={argument!r} is invalid: expected images, but {problem}. "
                f"{_deeper(others)}"
            )
        if others:
            logger.warning("%s: %s", argument, name_others(others))
        for path in paths:
            found.setdefault(os.path.realpath(path), path)
    return list(found.values())


def _deeper(others: list[Path]) -> str:
    """Returns the remedy if there is no image: to search the directories, if any."""
    folders = [path for path in others if path.is_dir()]
    if not folders:
        return "Pass another file, directory or pattern."
    return f"Pass the pattern '{folders[0].parent}/**' to search all directories."


def _named(argument: str) -> tuple[list[Path], list[Path]]:
    """Returns the images that one argument names, and the other files it matches."""
    path = Path(argument)
    if path.is_dir():
        listing = list_folder(path)
        return list(listing.images), list(listing.others)
    if not glob.has_magic(argument) or path.exists():
        return [path], []
    matches = [Path(name) for name in sorted(glob.glob(argument, recursive=True))]
    spelled = set(path.parts)  # The user asked for the parts that the pattern names.
    visible = [
        match
        for match in matches
        if not any(is_left_behind(part) for part in match.parts if part not in spelled)
    ]
    images = [match for match in visible if counts(match)]
    others = [match for match in visible if not counts(match) and not match.is_dir()]
    return images, others


def output_names(paths: list[Path]) -> list[str]:
    """Returns a distinct name for the predictions of each image file.

    The name is the stem of the file if no other file has it. Otherwise it is the path
    below the common folder of all files, in which underscores replace each "/" and the
    dot of the suffix: a/x.png and b/x.jpg become a_x_png and b_x_jpg. Two names count
    as equal if they differ only in upper and lower case or in Unicode normalization,
    because some file systems do not distinguish them.

    >>> output_names([Path("a/x.png"), Path("b/x.jpg"), Path("b/y.png")])
    ['a_x_png', 'b_x_jpg', 'y']
    """
    stems = Counter(_folded(stem_of(path)) for path in paths)
    absolute = [Path(os.path.abspath(path)) for path in paths]
    root = os.path.commonpath([path.parent for path in absolute]) if paths else ""
    taken: set[str] = set()
    names = []
    for path, full in zip(paths, absolute, strict=True):
        name = stem_of(path)
        if stems[_folded(name)] > 1:
            below = full.relative_to(root)
            name = "_".join([*below.parent.parts, below.name.replace(".", "_")])
        base, number = name, 1
        while taken & _occupied(name):
            number += 1
            name = f"{base}_{number}"
        taken |= _occupied(name)
        names.append(name)
    return names


def named_images(paths: list[Path]) -> list[tuple[str, Path | Page]]:
    """Returns a pair (name, path or `Page`) for each image; the names are distinct.

    A volume or a stack of pages has one image for each slice. The name of a slice is
    that of the file with the number of the slice, such as brain_0012.

    Args:
        paths: The image files.

    Raises:
        ValueError: If a slice has the name of another image.
    """
    names = output_names(paths)
    found: dict[str, Path | Page] = {}
    for path, name in zip(paths, names, strict=True):
        for own, image in slices_of(path, name):
            if own in found or (own != name and own in names):
                raise ValueError(
                    f"{path} has a slice with the name {own!r}, which is also the name "
                    "of another image: expected different names. Rename one of them."
                )
            found[own] = image
    return list(found.items())


def _occupied(name: str) -> set[str]:
    """Returns the names of the PNG files that can be written for one image."""
    return {_folded(f"{name}{end}") for end in ENDS}


def _folded(name: str) -> str:
    return name_key(name).lower()
