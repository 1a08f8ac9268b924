"""Divides volumes and stacks of pages into slices, each of which is an example.

A NIfTI volume [X, Y, Z] has Z slices. A TIFF has as many slices as it has pages, except
for pages that repeat another page at a lower resolution.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterable

from PIL import TiffImagePlugin

from jaxseg.data.files import shown
from jaxseg.data.layouts import Pair, folder_pairs
from jaxseg.data.parts import Page
from jaxseg.data.wide.nifti import count_slices

TIFF, NIFTI = (".tif", ".tiff"), (".nii", ".nii.gz")
_SUBFILE, _REDUCED = 254, 1  # A page of lower resolution has this bit in this tag.
_BIGTIFF = (b"+\0", b"\0+")  # The version in the header, in either byte order.
_LARGEST = 1_000_000  # The links between the pages of a damaged file can form a cycle.


def folder_slices(
    root: pathlib.Path, lists: Iterable[str] = ()
) -> dict[str, list[Pair]]:
    """Pairs the images and masks of a folder, and divides stacks into slices.

    The folders and lists are those of `jaxseg.data.layouts.folder_pairs`. A list names
    a stack once, which stands for all of its slices.

    Args:
      root: The folder.
      lists: The names of splits, besides train, validation and test, that have a text
        file with the names of their images.

    Returns:
      The pairs of each split.

    Raises:
      ValueError: If the files are not arranged in these folders, the two stacks of a
        pair differ in length, or two slices have the same name.
    """
    found = folder_pairs(root, lists)
    return {split: divide_stacks(pairs) for split, pairs in found.items()}


def divide_stacks(pairs: Iterable[Pair]) -> list[Pair]:
    """Replaces each pair of two stacks by one pair for each slice.

    Slice 12 of the stack `brain` has the name `brain_0012`. A pair in which only one of
    the two files is a stack is not changed, so that the reader refuses this file.

    Args:
      pairs: The pairs of image and mask files.

    Raises:
      ValueError: If the two stacks of a pair differ in length, or two slices have the
        same name.
    """
    pairs = list(pairs)
    names = {pair.name for pair in pairs}
    divided: list[Pair] = []
    for pair in pairs:
        slices = _slices(pair)
        if taken := sorted(names & {one.name for one in slices} - {pair.name}):
            raise ValueError(
                f"{shown(pair.image)} has a slice with the name {taken[0]!r}, which is "
                "also the name of another image: expected different names. Rename one "
                "of the two files."
            )
        divided += slices
    return divided


def slice_count(path: pathlib.Path) -> int:
    """Returns the number of slices of a file, which is 1 for most images.

    The result is also 1 for files that cannot be read. The reader reports them later.

    Args:
      path: The file.
    """
    name = path.name.lower()
    try:
        if name.endswith(NIFTI):
            return count_slices(path)
        return _count_pages(path) if name.endswith(TIFF) else 1
    except Exception:  # Decoders raise many undocumented errors.
        return 1


def _slices(pair: Pair) -> list[Pair]:
    """Returns the pairs of all slices, or the pair itself if it has no two stacks."""
    if not isinstance(pair.image, pathlib.Path) or not isinstance(
        pair.mask, pathlib.Path
    ):
        return [pair]
    first, second = slice_count(pair.image), slice_count(pair.mask)
    if 1 in (first, second):
        return [pair]
    if first != second:
        raise ValueError(
            f"{shown(pair.image)} has {first} slices and {shown(pair.mask)} has "
            f"{second}: expected equal numbers. Replace one of the two files."
        )
    return [
        dataclasses.replace(
            pair,
            name=f"{pair.name}_{number:04d}",
            image=Page(pair.image, number),
            mask=Page(pair.mask, number),
        )
        for number in range(first)
    ]


def _count_pages(path: pathlib.Path) -> int:
    """Counts the pages of a TIFF that do not repeat another one at lower resolution."""
    with open(path, "rb") as file:
        head = file.read(16)
        head = head if head[2:4] in _BIGTIFF else head[:8]
        table = TiffImagePlugin.ImageFileDirectory_v2(head)
        count = 0
        for _ in range(_LARGEST):
            if not table.next:
                break
            file.seek(table.next)
            table.load(file)
            count += not table.get(_SUBFILE, 0) & _REDUCED
    return max(count, 1)
