"""Opens files that Pillow cannot read, or reads only in part."""

from __future__ import annotations

import pathlib

from jaxseg.data.read_options import ReadOptions
from jaxseg.data.wide.arrays import open_npy, open_npz
from jaxseg.data.wide.nifti import open_nifti
from jaxseg.data.wide.opened import Stored
from jaxseg.data.wide.png import color_type, open_png
from jaxseg.data.wide.tiff import is_wide_tiff, open_tiff

ARRAYS = (".npy", ".npz", ".nii", ".nii.gz")


def open_wide(
    path: pathlib.Path, page: int | None, options: ReadOptions, *, mask: bool = False
) -> Stored | None:
    """Opens an image file that Pillow cannot read, or reads only in part.

    NumPy arrays and NIfTI volumes are recognized by their suffixes, and images by their
    first bytes.

    Args:
      path: The file.
      page: The number of the picture in the file, or None.
      options: The options of the reader.
      mask: Whether the file contains class numbers.

    Returns:
      The file as a `Stored`, which reads its pixels later, or None if Pillow can read
      all bits and channels of the file.

    Raises:
      Refused: If the file cannot be read.
    """
    name = path.name.lower()
    if name.endswith(ARRAYS):
        if name.endswith(".npy"):
            return open_npy(path)
        if name.endswith(".npz"):
            return open_npz(path)
        return open_nifti(path, page, mask=mask)
    if mask or options.pixels == "rgb8" or not path.is_file():
        return None
    with open(path, "rb") as file:
        kind = color_type(file.read(26))
        file.seek(0)
        wide = is_wide_tiff(file, options)
    if wide:
        return open_tiff(path, page)
    return None if kind in (None, 0) else open_png(path, kind)
