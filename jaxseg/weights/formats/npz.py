"""Reads and writes `.npz` files: arrays by name."""

import math
import os
import re
from collections.abc import Mapping

import numpy as np

from jaxseg.text import printable
from jaxseg.weights.formats import foreign, zip_members

_START = b"\x93NUMPY"
_LENGTH_BYTES = {(1, 0): 2, (2, 0): 4, (3, 0): 4}  # by version of the format
_HEADER = 4_096  # bytes; that of an array of numbers takes 128
_DIMENSIONS = 32
_FIELD = re.compile(
    r"\s*'(descr|fortran_order|shape)'\s*:\s*"
    r"('[^']*'|True|False|\(\s*(?:\d{1,19}L?\s*(?:,\s*|(?=\))))*\))\s*(?:,|(?=\}))"
)


def read(path: str) -> dict[str, np.ndarray]:
    """The arrays of an `.npz` file, compressed or not.

    Raises:
      ValueError: The file holds objects (they would need pickle), is damaged, or
        would unpack to more than `zip_members.RATIO` times its size; the message
        starts with `path`.
    """
    try:
        with zip_members.opened(path, os.path.getsize(path), deflated=True) as archive:
            if archive.entries and not any(n.endswith(".npy") for n in archive.entries):
                kind = foreign.describe_members(archive.entries)
                raise ValueError(f"numpy.savez did not write this zip file: {kind}")
            return {
                name.removesuffix(".npy"): _array(name, archive.read(name))
                for name in archive.entries
            }
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def write(path: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes arrays by name, without compression.

    Raises:
      ValueError: An array has a type that the format lacks, such as bfloat16.
    """
    for name, array in arrays.items():
        if array.dtype.kind not in "biufc":
            raise ValueError(
                f"{printable(name)} has the type {array.dtype}, which .npz files lack; "
                "write a .safetensors file, or convert it to float32"
            )
    np.savez(path, allow_pickle=False, **arrays)


def _array(name: str, data: bytes) -> np.ndarray:
    """The array of a member; its header must agree with the bytes that follow it."""
    try:
        dtype, shape, fortran, start = _header(data)
    except ValueError as error:
        raise ValueError(f"member {printable(name)}: {error}") from None
    wanted = math.prod(shape) * dtype.itemsize
    if len(data) - start != wanted:
        raise ValueError(
            f"member {printable(name)} has {len(data) - start} bytes, "
            f"shape {shape} of {dtype} needs {wanted}"
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
            f"member {printable(name)}: shape {shape} is too large"
        ) from None


def _header(data: bytes) -> tuple[np.dtype, tuple[int, ...], bool, int]:
    """(dtype, shape, whether the first axis varies fastest, length of the header)."""
    if data[:6] != _START or tuple(data[6:8]) not in _LENGTH_BYTES:
        raise ValueError("this is not a NumPy array")
    start = 8 + _LENGTH_BYTES[tuple(data[6:8])]
    end = start + int.from_bytes(data[8:start], "little")
    if end > min(len(data), _HEADER):
        raise ValueError("the header of the array is cut short or too long")
    fields = _fields(data[start:end].decode("latin-1"))
    shape = tuple(int(n.rstrip("L")) for n in re.findall(r"\d+L?", fields["shape"]))
    if len(shape) > _DIMENSIONS:
        raise ValueError(f"the array has {len(shape)} dimensions")
    return _dtype(fields["descr"]), shape, fields["fortran_order"] == "True", end


def _fields(header: str) -> dict[str, str]:
    """The three fields of `{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}`."""
    text = header.strip()
    fields: dict[str, str] = {}
    position = 1
    while (match := _FIELD.match(text, position)) is not None:
        fields[match[1]] = match[2]
        position = match.end()
    if text[:1] != "{" or text[position:].strip() != "}" or len(fields) != 3:
        raise ValueError("the header of the array is malformed, or it holds records")
    return fields


def _dtype(text: str) -> np.dtype:
    description = text.strip("'")
    if "O" in description:
        raise ValueError("the array holds objects, not numbers")
    if re.fullmatch(r"[<>|=]?[biufc][1-9]\d?|\|?b1|[<>|=]?\?", description) is None:
        raise ValueError(f"the array has the type {printable(text)}, not numbers")
    try:
        return np.dtype(description)
    except TypeError:
        raise ValueError(f"the array has the unknown type {printable(text)}") from None
