"""Reads and writes `.safetensors` files, which contain arrays by name.

The file starts with the length of its header. The header follows as JSON, and then the
numbers of all tensors without gaps. This module parses the file itself instead of
calling the `safetensors` library, because that library raises no error for types that
NumPy lacks.
"""

import json
import math
import os
import re
from collections.abc import Mapping
from typing import Any, BinaryIO

import ml_dtypes
import numpy as np
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from jaxseg.text import printable

DTYPES = {
    "BOOL": np.dtype(np.bool_),
    "U8": np.dtype(np.uint8),
    "I8": np.dtype(np.int8),
    "U16": np.dtype(np.uint16),
    "I16": np.dtype(np.int16),
    "F16": np.dtype(np.float16),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "U32": np.dtype(np.uint32),
    "I32": np.dtype(np.int32),
    "F32": np.dtype(np.float32),
    "U64": np.dtype(np.uint64),
    "I64": np.dtype(np.int64),
    "F64": np.dtype(np.float64),
}
_HEADER = 100_000_000  # The most bytes of a header, as in the library.
_FIELDS = {"dtype", "shape", "data_offsets"}
_DIMENSIONS = 32  # The limit of NumPy 1.
_LARGEST = 1 << 62  # Fits into int64.
_BROKEN = "The file is damaged or truncated. Download or copy it again."


def read(path: str) -> dict[str, np.ndarray]:
    """Reads the arrays of a `.safetensors` file into a dict by name.

    Arrays of type bfloat16 can be read, too.

    Args:
      path: The file.

    Raises:
      ValueError: If the header does not agree with the file, or a tensor has a type
        that is not supported. The message starts with `path`.
    """
    with open(path, "rb") as file:
        try:
            return _read(file, os.fstat(file.fileno()).st_size)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None


def write(path: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes arrays by name to a `.safetensors` file, which PyTorch can read.

    Args:
      path: The file to create.
      arrays: The arrays by name.

    Raises:
      OSError: If the file cannot be written, for example because the disk is full.
    """
    whole = {key: np.asarray(value, order="C") for key, value in arrays.items()}
    try:
        safetensors.save_file(whole, path)
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1]))) from error


def _read(file: BinaryIO, size: int) -> dict[str, np.ndarray]:
    header, start = _header(file, size)
    entries = [_Entry(name, fields) for name, fields in header.items()]
    end = 0
    for entry in sorted(entries, key=lambda e: (e.begin, e.end)):
        if entry.begin != end:
            raise ValueError(
                f"tensor {entry.shown} has a wrong position: expected it to start "
                "where the preceding tensor ends."
            )
        end = entry.end
    if start + end != size:
        raise ValueError(
            f"the header states {start + end} bytes, but there are {size}. {_BROKEN}"
        )
    return {entry.name: entry.read(file, start) for entry in entries}


def _header(file: BinaryIO, size: int) -> tuple[dict[str, Any], int]:
    """Returns the tensors that the header describes, and the position after it."""
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(size - 8, _HEADER):
        raise ValueError(
            f"the header does not fit into the file of {size} bytes, or exceeds the "
            f"largest allowed length. {_BROKEN}"
        )
    try:
        text = file.read(length).decode()
        header = json.loads(text, object_pairs_hook=_unique)
    except MemoryError:
        raise
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"the header is malformed ({printable(error)}). {_BROKEN}"
        ) from None
    if type(header) is not dict:
        raise ValueError(f"the header is malformed. {_BROKEN}")
    header.pop("__metadata__", None)
    return header, 8 + length


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a name occurs twice in the header: expected distinct names")
    return table


class _Entry:
    """Describes one tensor after its entry in the header was checked."""

    def __init__(self, name: str, fields: Any) -> None:
        self.name, self.shown = name, printable(name)
        if type(fields) is not dict or fields.keys() != _FIELDS:
            raise ValueError(f"the description of tensor {self.shown} is malformed.")
        self.dtype = self._dtype(fields["dtype"])
        self.shape = self._numbers(fields["shape"], _DIMENSIONS)
        self.begin, self.end = self._numbers(fields["data_offsets"], 2, 2)
        needed = math.prod(self.shape) * self.dtype.itemsize
        if self.end - self.begin != needed:
            raise ValueError(
                f"tensor {self.shown} has {self.end - self.begin} bytes: expected "
                f"{needed} for shape {self.shape} of {self.dtype}."
            )

    def _dtype(self, kind: Any) -> np.dtype:
        if type(kind) is str and kind in DTYPES:
            return DTYPES[kind]
        raise ValueError(
            f"tensor {self.shown} has the type {printable(kind, limit=20)}, which is "
            "not supported. Convert it to F32, F16 or BF16 and save the file again."
        )

    def _numbers(self, values: Any, most: int, least: int = 0) -> tuple[int, ...]:
        listed = type(values) is list and least <= len(values) <= most
        if not listed or not all(type(n) is int and 0 <= n < _LARGEST for n in values):
            raise ValueError(
                f"the shape or the position of tensor {self.shown} is malformed."
            )
        return tuple(values)

    def read(self, file: BinaryIO, start: int) -> np.ndarray:
        """Reads the numbers, which start after the header at `start`."""
        if 0 in self.shape:
            return self._empty()
        data = np.empty(self.end - self.begin, np.uint8)
        file.seek(start + self.begin)
        if file.readinto(data) != data.size:
            raise ValueError(f"tensor {self.shown} is truncated. {_BROKEN}")
        return data.view(self.dtype).reshape(self.shape)

    def _empty(self) -> np.ndarray:
        try:
            return np.zeros(self.shape, self.dtype)
        except ValueError:
            raise ValueError(
                f"tensor {self.shown} has the shape {self.shape}: expected fewer "
                "elements."
            ) from None
