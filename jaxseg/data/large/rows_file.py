"""Writes an image row by row, so that an interrupted process can be continued.

The rows are stored in an NPY file without compression. A JSON file next to it states
how many rows are finished, and from which inputs and options they are computed. The
JSON file is removed when the image is complete.
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from jaxseg.storage import atomic

VERSION = 1  # To be raised when the layout of the file changes.


@dataclasses.dataclass(frozen=True)
class RowsFile:
    """Writes the rows of a class mask to a file, from top to bottom.

    Attributes:
      path: The NPY file.
      shape: The shape of the mask: (H, W), or (H, W, K) if K classes can overlap.
      dtype: The type of the values.
      origin: All inputs and options that determine the values, in types that JSON can
        store. An existing file is continued only if its origin is equal.
      remedy: The last sentence of the errors about a file that cannot be continued.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype
    origin: Mapping[str, Any]
    remedy: str = "Remove this file and the JSON file of its state to start again."

    @property
    def state(self) -> Path:
        """Returns the path of the JSON file that states the number of finished rows."""
        return self.path.with_name(f"{self.path.name}.json")

    def start(self) -> int:
        """Creates the file, or continues an existing one.

        Returns:
          The number of rows that are finished already.

        Raises:
          ValueError: If the existing file is damaged or has another `origin`.
        """
        if self.state.exists():
            return self._continued()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "wb") as file:
            file.write(self._header())
            file.truncate(file.tell() + int(np.prod(self.shape)) * self.dtype.itemsize)
        self._store(0)
        return 0

    def write(self, first: int, rows: np.ndarray) -> None:
        """Writes n finished rows to the NPY file, and records them in the JSON file.

        The JSON file then states that these rows and all rows above them are finished.

        Args:
          first: The index in the image of the first of these rows.
          rows: The rows, [n, W], or [n, W, K] if K classes can overlap.
        """
        data = np.ascontiguousarray(rows, self.dtype)
        with open(self.path, "r+b", buffering=0) as file:
            file.seek(self._offset(first))
            file.write(data)
            os.fsync(file.fileno())
        self._store(first + len(rows))

    def read(self, first: int, last: int) -> np.ndarray:
        """Returns the rows `first` to `last - 1` of the file."""
        count = (last - first) * int(np.prod(self.shape[1:]))
        with open(self.path, "rb") as file:
            file.seek(self._offset(first))
            return np.fromfile(file, self.dtype, count).reshape(-1, *self.shape[1:])

    def remove(self) -> None:
        """Removes the NPY file and its JSON file."""
        self.state.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def become(self, path: Path) -> None:
        """Renames the complete NPY file and removes its JSON file.

        Args:
          path: The new path of the NPY file.
        """
        os.replace(self.path, path)
        self.state.unlink(missing_ok=True)

    def _header(self) -> bytes:
        buffer = io.BytesIO()
        described = npy.dtype_to_descr(self.dtype)
        header = {"descr": described, "fortran_order": False, "shape": self.shape}
        npy.write_array_header_1_0(buffer, header)
        return buffer.getvalue()

    def _offset(self, row: int) -> int:
        size = int(np.prod(self.shape[1:])) * self.dtype.itemsize
        return len(self._header()) + row * size

    def _store(self, rows: int) -> None:
        record = {"version": VERSION, "rows": rows, "origin": dict(self.origin)}
        atomic.write_text(self.state, json.dumps(record, indent=1))

    def _continued(self) -> int:
        try:
            record = json.loads(self.state.read_text())
            found, rows = record["origin"], int(record["rows"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{self.state} is damaged. {self.remedy}") from error
        wanted = json.loads(json.dumps(dict(self.origin)))
        if found != wanted:
            name, was, now = _difference(found, wanted)
            raise ValueError(
                f"{self.path} is invalid: expected rows that were computed with "
                f"{name}={now!r}, found {name}={was!r}. {self.remedy}"
            )
        size = self._offset(self.shape[0])
        if not self.path.exists() or self.path.stat().st_size != size:
            raise ValueError(
                f"{self.path} is invalid: expected the mask file of {size} bytes "
                f"to which {self.state.name} belongs. {self.remedy}"
            )
        return rows


def _difference(found: Any, wanted: Any, name: str = "") -> tuple[str, Any, Any]:
    """Returns the first difference between two JSON values.

    Args:
      found: One value.
      wanted: The other value.
      name: The dotted name of both values.

    Returns:
      The dotted name of the entry that differs, such as "options.window", and its
      value in `found` and in `wanted`.
    """
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in sorted({*found, *wanted}):
            one, other = found.get(key), wanted.get(key)
            if one != other:
                return _difference(one, other, f"{name}.{key}" if name else key)
    return name, found, wanted
