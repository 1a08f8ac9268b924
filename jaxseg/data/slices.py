"""Counts and names the slices of NIfTI volumes and of TIFF files with several pages.

A NIfTI volume [X, Y, Z] has Z slices. A TIFF has as many slices as it has pages, except
for pages that repeat another page at a lower resolution.
"""

from __future__ import annotations

import pathlib

from PIL import TiffImagePlugin

from jaxseg.data.parts import Page
from jaxseg.data.wide.nifti import count_slices

TIFF, NIFTI = (".tif", ".tiff"), (".nii", ".nii.gz")
_SUBFILE, _REDUCED = 254, 1  # A page of lower resolution has this bit in this tag.
_BIGTIFF = (b"+\0", b"\0+")  # The version in the header, in either byte order.
_LARGEST = 1_000_000  # The links between the pages of a damaged file can form a cycle.


def slice_count(path: pathlib.Path) -> int:
    """Returns the number of slices in an image file, which is 1 for ordinary images.

    It is also 1 for a file that cannot be read, which the reader reports later.

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


def slices_of(path: pathlib.Path, name: str) -> list[tuple[str, pathlib.Path | Page]]:
    """Returns the name of each slice of an image file and where to read the slice.

    Slice 12 of the file `brain` has the name `brain_0012`, where the first slice is 0.
    The only slice of a file has the name of the file.

    Args:
      path: The file.
      name: The name of the file in the data set.

    Returns:
      A pair of a name and a location for each slice. The location is a `Page`, or the
      path if the file has only one slice.
    """
    count = slice_count(path)
    if count == 1:
        return [(name, path)]
    return [(f"{name}_{number:04d}", Page(path, number)) for number in range(count)]


def _count_pages(path: pathlib.Path) -> int:
    """Counts the pages of a TIFF, except reduced copies of another page."""
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
