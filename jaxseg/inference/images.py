"""Which image files `jaxseg predict` reads, and how their results are called."""

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
)
from jaxseg.data.reader import read_pixels as read_rgb
from jaxseg.data.reader import read_size as size_of

__all__ = ["collect", "output_names", "read_rgb", "size_of"]

logger = logging.getLogger(__name__)


def collect(arguments: tuple[str, ...]) -> list[Path]:
    """Files named by paths, directories and patterns, each once, in the given order.

    A directory stands for the images directly in it, sorted; `**` in a pattern walks
    folders. Which files count is the rule of `jaxseg.data.files`; others that a
    directory holds or a pattern matches are named in a warning. A plain path is kept
    whatever it is, so that an error about it is reported later.

    Raises:
        ValueError: if a directory or pattern holds no image, or nothing is given.
    """
    if not arguments:
        raise ValueError("no image is given; name files, directories or patterns")
    found: dict[str, Path] = {}
    for argument in arguments:
        paths, others = _named(argument)
        if not paths:
            left_out = f": {name_others(others)}" if others else ""
            raise ValueError(
                f"{argument!r} holds no image{left_out or f'; read are {SUFFIXES}'}"
            )
        if others:
            logger.warning("%s: %s", argument, name_others(others))
        for path in paths:
            found.setdefault(os.path.realpath(path), path)
    return list(found.values())


def _named(argument: str) -> tuple[list[Path], list[Path]]:
    """The images that one argument names, and what else it matches."""
    path = Path(argument)
    if path.is_dir():
        listing = list_folder(path)
        return list(listing.images), list(listing.others)
    if not glob.has_magic(argument) or path.exists():
        return [path], []
    matches = [Path(name) for name in sorted(glob.glob(argument, recursive=True))]
    spelled = set(path.parts)  # what the pattern itself spells out is wanted
    visible = [
        match
        for match in matches
        if not any(is_left_behind(part) for part in match.parts if part not in spelled)
    ]
    images = [match for match in visible if counts(match)]
    others = [match for match in visible if not counts(match) and not match.is_dir()]
    return images, others


def output_names(paths: list[Path]) -> list[str]:
    """A different name without suffix for each path.

    The file's stem where only one file has it; otherwise the path below the folder that
    all share, joined by underscores and with its suffix: a/x.png and b/x.jpg become
    a_x_png and b_x_jpg. Upper and lower case, and composed and decomposed forms of a
    character, count as equal, as they do on some file systems.

    >>> output_names([Path("a/x.png"), Path("b/x.jpg"), Path("b/y.png")])
    ['a_x_png', 'b_x_jpg', 'y']
    """
    stems = Counter(_folded(path.stem) for path in paths)
    absolute = [Path(os.path.abspath(path)) for path in paths]
    root = os.path.commonpath([path.parent for path in absolute]) if paths else ""
    taken: set[str] = set()
    names = []
    for path, full in zip(paths, absolute, strict=True):
        name = path.stem
        if stems[_folded(path.stem)] > 1:
            below = full.relative_to(root)
            name = "_".join([*below.parent.parts, below.name.replace(".", "_")])
        base, number = name, 1
        while taken & {_folded(name), _folded(f"{name}_overlay")}:
            number += 1
            name = f"{base}_{number}"
        taken |= {_folded(name), _folded(f"{name}_overlay")}
        names.append(name)
    return names


def _folded(name: str) -> str:
    return name_key(name).lower()
