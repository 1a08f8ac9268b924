"""Reads and writes `.npz` files, which contain arrays by name."""

import math
import os
import re
from collections.abc import Collection, Mapping

import numpy as np

from jaxseg.text import printable
from jaxseg.weights.formats import foreign, zip_members

_START = b"\x93NUMPY"
_LENGTH_BYTES = {
    (1, 0): 2,
    (2, 0): 4,
    (3, 0): 4,
}  # The bytes of the length in each version of the format.
_HEADER = 4_096  # In bytes. An array of numbers needs 128.
_DIMENSIONS = 32  # The limit of NumPy 1.
_FIELD = re.compile(
    r"\s*'(descr|fortran_order|shape)'\s*:\s*"
    r"('[^']*'|True|False|\(\s*(?:\d{1,19}L?\s*(?:,\s*|(?=\))))*\))\s*(?:,|(?=\}))"
)


def read(path: str, names: Collection[str] = ()) -> dict[str, np.ndarray]:
    """Reads the arrays of an `.npz` file, compressed or not, into a dict by name.

    Args:
      path: The file.
      names: The arrays to read. Names that the file lacks are skipped. By default, all
        arrays are read.

    Raises:
      ValueError: If the file contains objects (they would need pickle), is damaged, or
        would unpack to more than `zip_members.RATIO` times its size. The message starts
        with `path`.
    """
    try:
        size = os.path.getsize(path)
        if not os.path.isfile(path):  # Opening a pipe would wait forever.
            raise ValueError(
                "expected a regular file, but found a folder, pipe or device. Pass a "
                "file."
            )
        with zip_members.opened(path, size, deflated=True) as archive:
            if archive.entries and not any(n.endswith(".npy") for n in archive.entries):
                kind = foreign.describe_members(archive.entries)
                raise ValueError(f"numpy.savez did not write this zip file. {kind}")
            return {
                name.removesuffix(".npy"): _array(name, archive.read(name))
                for name in archive.entries
                if not names or name.removesuffix(".npy") in names
            }
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def write(path: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes arrays by name to an `.npz` file, without compression.

    Args:
      path: The file to create.
      arrays: The arrays by name.

    Raises:
      ValueError: If an array has a type that the format does not support, such as
        bfloat16.
    """
    for name, array in arrays.items():
        if array.dtype.kind not in "biufc":
            raise ValueError(
                f"array {printable(name)} has the type {array.dtype}: expected a type "
                "that .npz files support. Write a .safetensors file, or convert the "
                "array to float32."
            )
    np.savez(path, allow_pickle=False, **arrays)


def _array(name: str, data: bytes) -> np.ndarray:
    """Returns the array of a member, whose header must agree with its bytes."""
    try:
        dtype, shape, fortran, start = _header(data)
    except ValueError as error:
        raise ValueError(f"member {printable(name)}: {error}") from None
    wanted = math.prod(shape) * dtype.itemsize
    if len(data) - start != wanted:
        raise ValueError(
            f"member {printable(name)} has {len(data) - start} bytes: expected "
            f"{wanted} for shape {shape} of {dtype}."
        )
    if wanted == 0:
        return _empty(name, shape, dtype)
    flat = np.frombuffer(data, dtype, offset=start)
    return flat.reshape(shape, order="F" if fortran else "C")


def _empty(name: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    try:
        return np.zeros(shape, dtype)
    except ValueError:
        raise ValueError(
            f"member {printable(name)} has the shape {shape}: expected fewer elements."
        ) from None


def _header(data: bytes) -> tuple[np.dtype, tuple[int, ...], bool, int]:
    """Returns the type, the shape, whether the order is Fortran's, and the header's
    end.
    """
    if data[:6] != _START or tuple(data[6:8]) not in _LENGTH_BYTES:
        raise ValueError(
            "expected a NumPy array, but its first bytes are not those of the .npy "
            "format."
        )
    start = 8 + _LENGTH_BYTES[tuple(data[6:8])]
    end = start + int.from_bytes(data[8:start], "little")
    if end > min(len(data), _HEADER):
        raise ValueError("the header of the array is truncated or too long.")
    fields = _fields(data[start:end].decode("latin-1"))
    shape = tuple(int(n.rstrip("L")) for n in re.findall(r"\d+L?", fields["shape"]))
    if len(shape) > _DIMENSIONS:
        raise ValueError(
            f"the array has {len(shape)} dimensions: expected at most {_DIMENSIONS}."
        )
    return _dtype(fields["descr"]), shape, fields["fortran_order"] == "True", end


def _fields(header: str) -> dict[str, str]:
    """Parses `{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}`."""
    text = header.strip()
    fields: dict[str, str] = {}
    position = 1
    while (match := _FIELD.match(text, position)) is not None:
        fields[match[1]] = match[2]
        position = match.end()
    if text[:1] != "{" or text[position:].strip() != "}" or len(fields) != 3:
        raise ValueError(
            "the header is malformed, or the array has named fields: expected an "
            "array of numbers."
        )
    return fields


def _dtype(text: str) -> np.dtype:
    description = text.strip("'")
    if "O" in description:
        raise ValueError("the array contains objects: expected numbers.")
    if re.fullmatch(r"[<>|=]?[biufc][1-9]\d?|\|?b1|[<>|=]?\?", description) is None:
        raise ValueError(f"the array has the type {printable(text)}: expected numbers.")
    try:
        return np.dtype(description)
    except TypeError:
        raise ValueError(
            f"the array has the type {printable(text)}: expected a type that NumPy "
            "supports."
        ) from None
