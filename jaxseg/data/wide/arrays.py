"""Reads images from .npy and .npz files of NumPy, without running pickled code.

The header is checked before any memory is allocated, so that a small file cannot cause
a large allocation. An .npz file must contain one array.
"""

from __future__ import annotations

import functools
import math
import pathlib
import zipfile
from typing import IO

import numpy as np
from numpy.lib import format as npy

from jaxseg.data.refused import Refused
from jaxseg.data.wide.opened import Stored

HEADER = 10_000  # The largest header in bytes.


def open_npy(path: pathlib.Path) -> Stored:
    """Returns a `Stored` that describes the array [H, W] or [H, W, C] in an .npy file.

    The function reads only the header. The array is read when it is needed.

    Args:
      path: The file.

    Raises:
      Refused: If the file does not contain such an array.
    """
    with open(path, "rb") as file:
        shape, _, dtype = _header(file)
        available = path.stat().st_size - file.tell()
    if available < math.prod(shape) * dtype.itemsize:
        raise Refused(
            "The file is damaged, because the data end too early", "Copy it again"
        )
    return _stored("NPY", shape, dtype, functools.partial(_load_npy, path))


def npy_layout(path: pathlib.Path) -> tuple[Stored, int]:
    """Reads the header of an .npy file, so that parts of the array can be read later.

    Args:
      path: The file.

    Returns:
      A pair: the size, channels and type of the array as a `Stored`, and the number of
      bytes in the file before the array's first value.

    Raises:
      Refused: If the file does not contain an array [H, W] or [H, W, C] in row-major
        order.
    """
    stored = open_npy(path)
    with open(path, "rb") as file:
        _, fortran, _ = _header(file)
        if fortran:
            raise Refused(
                "The array is stored in column-major (Fortran) order",
                "Save the array that numpy.ascontiguousarray returns for it",
            )
        return stored, file.tell()


def open_npz(path: pathlib.Path) -> Stored:
    """Returns a `Stored` for the only array [H, W] or [H, W, C] in an .npz file.

    The function reads only the header. The array is read when it is needed.

    Args:
      path: The file.

    Raises:
      Refused: If the file does not contain exactly one such array.
    """
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if len(names) != 1:
            raise Refused(
                f"The file contains {len(names)} arrays, but one is expected",
                "Save each image as a separate file",
            )
        with archive.open(names[0]) as file:
            shape, _, dtype = _header(file)
    return _stored("NPZ", shape, dtype, functools.partial(_load_npz, path, names[0]))


def _stored(name, shape, dtype, read) -> Stored:
    if len(shape) not in (2, 3):
        raise Refused(
            f"The array has the shape {list(shape)}",
            "Save an array [H, W] or [H, W, C]",
        )
    samples = shape[2] if len(shape) == 3 else 1
    return Stored(name, shape[:2], samples, dtype, read)


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = npy.read_magic(file)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise Refused(
            f"The array has the format {version}", "Save it again with numpy.save"
        )
    shape, fortran, dtype = readers[version](file, max_header_size=HEADER)
    if dtype.hasobject or dtype.kind not in "biuf" or min(shape, default=0) < 0:
        raise Refused(
            f"The array has the type {dtype}", "Save an array of plain numbers"
        )
    return shape, fortran, dtype


def _load(file: IO[bytes]) -> np.ndarray:
    shape, fortran, dtype = _header(file)
    size = math.prod(shape) * dtype.itemsize
    data = file.read(size)
    if len(data) < size:
        raise Refused(
            "The file is damaged, because the data end too early", "Copy it again"
        )
    values = np.frombuffer(data, dtype)
    values = values.reshape(shape[::-1]).T if fortran else values.reshape(shape)
    return values if values.ndim == 3 else values[..., None]


def _load_npy(path: pathlib.Path) -> np.ndarray:
    with open(path, "rb") as file:
        return _load(file)


def _load_npz(path: pathlib.Path, name: str) -> np.ndarray:
    with zipfile.ZipFile(path) as archive, archive.open(name) as file:
        return _load(file)
