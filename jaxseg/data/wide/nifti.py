"""Reads slices of NIfTI volumes with nibabel, which the extra `[nifti]` installs.

A volume [X, Y, Z] has Z slices, and a volume [X, Y, Z, C] has Z slices of C channels. A
slice has Y rows and X columns. Images become float32 if their type is neither uint8 nor
uint16, or if the header scales their values.
"""

from __future__ import annotations

import functools
import pathlib

import numpy as np

from jaxseg.data.refused import Refused
from jaxseg.data.wide.opened import Stored


def count_slices(path: pathlib.Path) -> int:
    """Returns the number of slices of a NIfTI volume.

    Args:
      path: The file, `.nii` or `.nii.gz`.

    Raises:
      ImportError: If nibabel is missing.
    """
    import nibabel

    shape = nibabel.load(path).shape
    return shape[2] if len(shape) > 2 else 1


def open_nifti(path: pathlib.Path, page: int | None, *, mask: bool) -> Stored:
    """Returns a slice of a NIfTI volume as a `Stored`, which reads its pixels later.

    Args:
      path: The file, `.nii` or `.nii.gz`.
      page: The number of the slice, or None if the volume has one slice.
      mask: Whether the slice contains class numbers.

    Raises:
      Refused: If nibabel is missing, or the volume does not have the slice.
    """
    try:
        import nibabel
    except ImportError as error:
        raise Refused(
            "NIfTI needs the package nibabel", "Install jaxseg[nifti]"
        ) from error
    volume = nibabel.load(path)
    shape, dtype = volume.shape, volume.get_data_dtype()
    if not 2 <= len(shape) <= 4 or dtype.kind not in "iuf":
        raise Refused(
            f"The volume has the shape {list(shape)} and the type {dtype}",
            "Save a volume [X, Y, Z] or [X, Y, Z, C] of plain numbers",
        )
    count = shape[2] if len(shape) > 2 else 1
    if page is None and count != 1:
        raise Refused(
            f"The volume has {count} slices, but a single one is expected",
            "Save each slice as a file of its own, or select a slice with "
            "jaxseg.data.parts.Page",
        )
    if not 0 <= (page or 0) < count:
        raise Refused(
            f"The file has only {count} slices, but a later slice was requested",
            "If the file is cut off, copy it again. Otherwise, select an earlier slice",
        )
    scaled = volume.dataobj.slope != 1 or volume.dataobj.inter != 0
    kept = dtype.kind == "u" and dtype.itemsize <= 2
    kept = kept or (mask and dtype.kind in "iu")
    plain = np.dtype(np.float32) if scaled or not kept else dtype.newbyteorder("=")
    read = functools.partial(_slice, volume.dataobj, page or 0, plain)
    samples = shape[3] if len(shape) == 4 else 1
    return Stored("NIfTI", (shape[1], shape[0]), samples, plain, read)


def _slice(data, page: int, dtype: np.dtype) -> np.ndarray:
    """Returns a slice [Y, X, C]."""
    found = np.asarray(data[:, :, page] if len(data.shape) > 2 else data[...])
    found = found if found.ndim == 3 else found[..., None]
    return found.swapaxes(0, 1).astype(dtype)
