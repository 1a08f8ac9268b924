"""Reads and writes ``.npz`` and ``.safetensors`` files: arrays by name."""

import os
import zipfile
from collections.abc import Mapping

import numpy as np
from numpy.lib import format as npy
from safetensors import SafetensorError
from safetensors import numpy as safetensors

_RATIO = 200  # allowed expansion of a compressed file ...
ALWAYS_ALLOWED = 1 << 28  # ... beyond these bytes


def read_npz(path: str) -> dict[str, np.ndarray]:
    """The arrays of an ``.npz`` file, compressed or not.

    Raises:
        ValueError: objects inside (they would need pickle), a file that is cut short,
            or one that unpacks to more than 200 times its size.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_size(path, archive)
            return {
                entry.filename.removesuffix(".npy"): _read_npy(path, archive, entry)
                for entry in archive.infolist()
            }
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise ValueError(f"{path} is cut short or not an .npz file: {error}") from error


def _check_size(path: str, archive: zipfile.ZipFile) -> None:
    total = sum(entry.file_size for entry in archive.infolist())
    size = os.path.getsize(path)
    if total > max(ALWAYS_ALLOWED, _RATIO * size):
        raise ValueError(f"{path} has {size} bytes and would unpack to {total}")


def _read_npy(path: str, archive: zipfile.ZipFile, entry) -> np.ndarray:
    """One array; its header must agree with the bytes that follow it."""
    headers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    with archive.open(entry) as stream:
        try:
            shape, fortran, dtype = headers[npy.read_magic(stream)](stream)
        except (KeyError, ValueError) as error:
            raise ValueError(f"{path}: {entry.filename} is damaged: {error}") from error
        if dtype.hasobject:
            raise ValueError(f"{path}: {entry.filename} holds objects, not numbers")
        data = stream.read()
    count = int(np.prod(shape, dtype=object))
    if len(data) != count * dtype.itemsize:
        raise ValueError(
            f"{path}: {entry.filename} has {len(data)} bytes, "
            f"shape {shape} of {dtype} needs {count * dtype.itemsize}"
        )
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")


def read_safetensors(path: str) -> dict[str, np.ndarray]:
    """The arrays of a ``.safetensors`` file, bfloat16 included.

    Raises:
        ValueError: the header does not agree with the file.
    """
    try:
        return safetensors.load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is not a whole .safetensors file: {error}") from error


def write_npz(path: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Arrays by name, uncompressed."""
    np.savez(path, allow_pickle=False, **arrays)


def write_safetensors(path: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Arrays by name; the file can be read by PyTorch as it is."""
    whole = {key: np.asarray(value, order="C") for key, value in arrays.items()}
    safetensors.save_file(whole, path)
