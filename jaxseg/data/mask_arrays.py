"""Reads masks that are stored as arrays in MATLAB files.

scipy reads the file formats before version 7.3. Files in the format of version 7.3 are
HDF5 files, which h5py reads if it is installed.
"""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np

from jaxseg.data.files import shown


def read_matlab(path: pathlib.Path, name: str, field: str = "") -> np.ndarray:
    """Reads an array of integers from a MATLAB file in a format before version 7.3.

    Args:
      path: The file.
      name: The name of the variable.
      field: The name of the field that contains the array, if the variable is a
        structure.

    Returns:
      Integers [H, W].

    Raises:
      ValueError: If the file cannot be read, is of version 7.3, or does not contain the
        variable.
    """
    import scipy.io  # It takes a while to load, and few datasets need it.

    try:
        found = scipy.io.loadmat(path, variable_names=[name])
        array = found[name][field][0, 0] if field else found[name]
    except NotImplementedError as error:  # SciPy raises it for version 7.3.
        raise ValueError(
            f"{shown(path)} is a MATLAB file of version 7.3: expected an earlier "
            "version. If the files belong to another release of the dataset, "
            "select that release with --data.variant."
        ) from error
    except Exception as error:  # Damaged files raise errors of many kinds.
        variable = f"{name}.{field}" if field else name
        raise ValueError(
            f"{shown(path)} cannot be read: expected a MATLAB file with the variable "
            f"{variable}. Download it again."
        ) from error
    return _as_mask(path, array)


def read_hdf5(path: pathlib.Path, name: str) -> np.ndarray:
    """Reads an array of integers from a MATLAB file of version 7.3.

    Args:
      path: The file.
      name: The name of the variable.

    Returns:
      Integers [H, W], although MATLAB stores the axes in reverse order.

    Raises:
      ValueError: If h5py is not installed, or the file cannot be read.
    """
    return _as_mask(path, _hdf5(path, name, ()))


def read_hdf5_page(path: pathlib.Path, name: str, number: int) -> np.ndarray:
    """Reads one picture of an array of pictures in a MATLAB file of version 7.3.

    Args:
      path: The file.
      name: The name of the variable.
      number: The number of the picture, from 0.

    Returns:
      An array [H, W] or [H, W, C] of the stored type.

    Raises:
      ValueError: If h5py is not installed, or the file cannot be read.
    """
    return _hdf5(path, name, number)


def _hdf5(path: pathlib.Path, name: str, where: int | tuple[()]) -> np.ndarray:
    """Returns a part of an array with the axes in MATLAB's order."""
    try:
        import h5py
    except ImportError as error:
        raise ValueError(
            f"{shown(path)} needs the package h5py, which is not installed. Run "
            "`pip install h5py`."
        ) from error
    try:
        with h5py.File(path, "r") as file:
            return np.asarray(file[name][where]).T
    except (OSError, KeyError, IndexError, ValueError) as error:
        raise ValueError(
            f"{shown(path)} cannot be read: expected a MATLAB file of version 7.3 with "
            f"the variable {name}. Select the release of the files with "
            "--data.variant, or download the file again."
        ) from error


def _as_mask(path: pathlib.Path, array: Any) -> np.ndarray:
    array = np.asarray(array)
    whole = array.dtype.kind in "biu"
    if array.dtype.kind == "f":
        whole = bool((array == np.floor(array)).all())
    if array.ndim != 2 or not array.size or not whole:
        raise ValueError(
            f"{shown(path)} is invalid: expected an array of integers with two axes, "
            f"found {array.dtype} {array.shape}. Download it again."
        )
    return array.astype(np.int32)
