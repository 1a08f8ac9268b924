"""Finds equal and nearly equal images within a split and across splits."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import PurePath

import numpy as np

from jaxseg.audit.hashing import near_pairs
from jaxseg.audit.kinds import Finding
from jaxseg.audit.record import Record
from jaxseg.data.files import shown
from jaxseg.data.parts import File


def duplicates(records: Sequence[Record]) -> Iterator[Finding]:
    """Yields findings for each group of equal or nearly equal images.

    One finding names the images of a group that are in the same split. If the group has
    images of several splits, another finding names all of them.

    Args:
      records: The properties of the image and the mask of each pair.
    """
    found: dict[tuple[str, File | None], Record] = {}
    for record in records:  # Examples of several raters share one image file.
        if record.image is not None:
            found.setdefault((record.split, record.pair.image), record)
    records = list(found.values())
    if not records:
        return
    equal: dict[str, list[int]] = {}
    for index, record in enumerate(records):
        equal.setdefault(record.image.digest, []).append(index)
    # One image of each group of equal ones stands for all of them.
    members = list(equal.values())
    first = [records[group[0]].image for group in members]
    near = near_pairs(
        np.array([image.hash for image in first]),
        np.stack([image.gray for image in first]),
    )
    for joined in _joined(len(members), near):
        together = [index for k in joined for index in members[k]]
        chosen = [records[index] for index in sorted(together)]
        same = len(joined) == 1
        yield from _groups(chosen, same)


def _joined(count: int, pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Returns the connected components of a graph of `count` nodes."""
    parent = list(range(count))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = node = parent[parent[node]]
        return node

    for one, other in pairs:
        parent[root(other)] = root(one)
    groups: dict[int, list[int]] = {}
    for node in range(count):
        groups.setdefault(root(node), []).append(node)
    return list(groups.values())


def _groups(chosen: Sequence[Record], same: bool) -> Iterator[Finding]:
    """Yields what a group of equal or similar images means within and across splits."""
    how = "equal" if same else "equal or nearly equal"
    splits: dict[str, list[Record]] = {}
    for record in chosen:
        splits.setdefault(record.split, []).append(record)
    for split, members in splits.items():
        if len(members) > 1:
            text = f"{_names(members)} are {how} images of split {split!r}."
            yield Finding(
                "duplicate_within", message=text, split=split, files=_files(members)
            )
    if len(splits) > 1:
        where = " and ".join(repr(split) for split in splits)
        text = f"{_names(chosen)} are {how} images of the splits {where}."
        yield Finding("duplicate_across", message=text, split="", files=_files(chosen))


def _files(records: Sequence[Record]) -> tuple:
    return tuple(record.pair.image for record in records)


def _names(records: Sequence[Record]) -> str:
    names = [f"{r.split}: {shown(PurePath(str(r.pair.image)).name)}" for r in records]
    if len(names) > 6:
        names = [*names[:5], f"{len(names) - 5} more"]
    return ", ".join(itertools.islice(names, len(names) - 1)) + f" and {names[-1]}"
