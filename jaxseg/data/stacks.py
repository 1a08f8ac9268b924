"""Divides NIfTI volumes and multi-page TIFF files into slices.

Each slice with its mask becomes an example of the dataset.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterable

from jaxseg.data.files import shown
from jaxseg.data.layouts import Pair, folder_pairs
from jaxseg.data.slices import slice_count, slices_of


def folder_slices(
    root: pathlib.Path, lists: Iterable[str] = ()
) -> dict[str, list[Pair]]:
    """Pairs the images and masks of a folder, and divides stacks into slices.

    A stack is a file with several slices. `jaxseg.data.layouts.folder_pairs` describes
    how the files are arranged, and the text files that list the images of a split.
    There, the name of a stack stands for all of its slices.

    Args:
      root: The folder of the dataset.
      lists: The names of further splits, besides train, validation and test. Each has a
        text file with the names of its images.

    Returns:
      A dictionary from the name of each split to its pairs of image and mask.

    Raises:
      ValueError: If the files are not arranged in this way, the image and the mask of a
        pair have different numbers of slices, or two slices have the same name.
    """
    found = folder_pairs(root, lists)
    return {split: divide_stacks(pairs) for split, pairs in found.items()}


def divide_stacks(pairs: Iterable[Pair]) -> list[Pair]:
    """Divides each pair of two stacks into one pair for each slice.

    Other pairs are returned as they are.

    A stack is a file with several slices. Slice 12 of the stack `brain` has the name
    `brain_0012`. If only one file of a pair is a stack, the pair is not divided, and
    the reader will refuse the stack.

    Args:
      pairs: The pairs of image and mask files.

    Raises:
      ValueError: If the two stacks of a pair have different numbers of slices, or two
        slices have the same name.
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


def _slices(pair: Pair) -> list[Pair]:
    """Returns the pairs of slices of two stacks.

    If one of the two files is no stack, returns only the given pair.
    """
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
    images = slices_of(pair.image, pair.name)
    masks = slices_of(pair.mask, pair.name)
    return [
        dataclasses.replace(pair, name=name, image=image, mask=mask)
        for (name, image), (_, mask) in zip(images, masks, strict=True)
    ]
