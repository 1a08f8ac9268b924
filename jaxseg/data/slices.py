"""Finds the slices of volumes and of stacks of pages.

A NIfTI volume [X, Y, Z] has Z slices. In a TIFF, each page is a slice, except
masks and pages that repeat another page at a lower resolution.
"""

from __future__ import annotations

import pathlib
import struct
from collections.abc import Iterator
from typing import BinaryIO

from jaxseg.data.parts import Page
from jaxseg.data.wide.nifti import count_slices

TIFF, NIFTI = (".tif", ".tiff"), (".nii", ".nii.gz")
_ORDERS = {b"II": "<", b"MM": ">"}
# Each version of TIFF has its own types for the number of tags of a page, for a tag
# (number, type, count and value) and for the place of a page in the file.
_VERSIONS = {42: ("H", "HHI4s", "I"), 43: ("Q", "HHQ8s", "Q")}
_SUBFILE, _SHORT = 254, 3
_REDUCED, _MASK = 1, 4  # The bits of the tag _SUBFILE for pages that are no slices.


def slice_count(path: pathlib.Path) -> int:
    """Returns the number of slices of a file, which is 1 for most images.

    The result is also 1 for a file that cannot be read, which the reader reports later.

    Args:
      path: The file.
    """
    return len(_numbers(path))


def slices_of(path: pathlib.Path, name: str) -> list[tuple[str, pathlib.Path | Page]]:
    """Returns a list with the pair (name, path or `Page`) for each slice of a file.

    Slice 12 of the stack `brain` has the name `brain_0012`. A file with one slice keeps
    its name.

    Args:
      path: The file.
      name: The name of the file.
    """
    numbers = _numbers(path)
    if len(numbers) == 1:
        return [(name, path)]
    return [(f"{name}_{k:04d}", Page(path, n)) for k, n in enumerate(numbers)]


def _numbers(path: pathlib.Path) -> list[int]:
    """Returns the numbers of the pictures in a file that are slices."""
    name = path.name.lower()
    try:
        if name.endswith(NIFTI):
            found = list(range(count_slices(path)))
        elif name.endswith(TIFF):
            with open(path, "rb") as file:
                kinds = enumerate(_kinds_of_pages(file))
                found = [n for n, kind in kinds if not kind & (_REDUCED | _MASK)]
        else:
            found = []
    except Exception:  # Libraries raise many undocumented errors for damaged files.
        found = []
    return found or [0]


def _kinds_of_pages(file: BinaryIO) -> Iterator[int]:
    """Yields the tag NewSubfileType of each page of a TIFF, which is 0 by default.

    Raises:
      ValueError: If a page is outside of the file, or its next page is one of the pages
        before it.
    """
    order = _ORDERS[file.read(2)]
    (version,) = _unpack(file, order + "H")
    count, tag, place = (order + form for form in _VERSIONS[version])
    if version == 43:
        file.seek(8)
    (start,) = _unpack(file, place)
    seen = set()
    while start:
        if start in seen:
            raise ValueError(
                "The TIFF file is damaged: a link to the next page leads to an earlier "
                "page. Save the file again."
            )
        seen.add(start)
        file.seek(start)
        kind = 0
        for _ in range(_unpack(file, count)[0]):
            number, form, _, value = _unpack(file, tag)
            if number == _SUBFILE:
                (kind,) = struct.unpack_from(order + "HI"[form != _SHORT], value)
        yield kind
        (start,) = _unpack(file, place)


def _unpack(file: BinaryIO, form: str) -> tuple:
    """Reads values from a file, and raises `struct.error` where the file ends."""
    return struct.unpack(form, file.read(struct.calcsize(form)))
