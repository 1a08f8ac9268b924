"""Checks that prepared data are unchanged on disk.

`files.json` contains the size of every file. For small files, such as the description
of the examples, it also contains the SHA-256 digest. Each example has a checksum,
which is checked when it is read. Data that an earlier version prepared without
`files.json` are opened without this check.
"""

from __future__ import annotations

import functools
import hashlib
import json
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

from jaxseg.storage.json_file import write_json

LIST = "files.json"
_SMALL = (".json", ".txt")


class DamagedData(ValueError):
    """Is raised if prepared data are truncated, lost or changed.

    Args:
      folder: The folder of the prepared data.
      why: What is wrong with the data, as text or as an exception.
      ours: Whether jaxseg has prepared the data. The message then tells the user to
        delete the folder. Otherwise, it tells the user to prepare the data again with
        the program that wrote them.
    """

    def __init__(self, folder: pathlib.Path, why: object, *, ours: bool = True) -> None:
        reason = str(why).splitlines()[0] if str(why) else type(why).__name__
        remedy = "Prepare them again with the program that wrote them."
        if ours:
            remedy = "Delete that folder, and the next start prepares them again."
        super().__init__(
            f"the prepared data in {folder} are damaged ({reason.rstrip('.')}). "
            f"{remedy}"
        )
        self._arguments = (folder, reason, ours)

    def __reduce__(self) -> tuple[Any, ...]:
        """Lets a process that reads data send the error to the main process."""
        folder, reason, ours = self._arguments
        return functools.partial(DamagedData, ours=ours), (folder, reason)


class RejectedData(ValueError):
    """Is raised if the original files of a dataset cannot be prepared for training."""


def write_list(folder: pathlib.Path) -> None:
    """Writes `files.json`, which lists the sizes and digests of a folder's files.

    It must be the last file that is written to the folder.
    """
    write_json(folder / LIST, {path.name: _entry(path) for path in _files(folder)})


def check_files(folder: pathlib.Path) -> None:
    """Checks that the files that `files.json` of a folder lists have not changed.

    Args:
      folder: The folder of the prepared data.

    Raises:
      DamagedData: If a file is missing or differs. The message names the file.
    """
    path = folder / LIST
    if not path.is_file():
        return
    try:
        listed = json.loads(path.read_bytes())
        for name, entry in listed.items():
            if _entry(folder / name) != entry:
                raise DamagedData(folder, f"{name} has changed since it was written")
    except DamagedData:
        raise
    except OSError as error:
        raise DamagedData(folder, f"{error.strerror}: {error.filename}") from error
    except (ValueError, AttributeError, RecursionError) as error:
        raise DamagedData(folder, f"{LIST} is not a list of files") from error


class Records(Sequence):
    """Reads the examples of prepared data by index, as a sequence.

    If an example cannot be read, a `DamagedData` error names the folder of the data.
    """

    def __init__(
        self,
        records: Sequence[dict[str, Any]],
        folder: pathlib.Path,
        *,
        ours: bool = True,
    ) -> None:
        self._records = records
        self._folder = folder
        self._ours = ours

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> dict[str, Any]:
        if not 0 <= index < len(self):
            raise IndexError(
                f"index={index} is invalid: expected 0 to {len(self) - 1}."
            )
        try:
            record = self._records[index]
        except Exception as error:
            raise DamagedData(self._folder, error, ours=self._ours) from error
        if any(value is None or value == b"" for value in _texts(record)):
            # The library returns records without content for a truncated file.
            why = f"record {index} is empty"
            raise DamagedData(self._folder, why, ours=self._ours)
        return record


def _texts(record: dict[str, Any]) -> list[Any]:
    """Returns the values of a record that are not arrays."""
    return [value for value in record.values() if not hasattr(value, "shape")]


def _files(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    return (path for path in sorted(folder.iterdir()) if path.is_file())


def _entry(path: pathlib.Path) -> list[Any]:
    """Returns the size of a file and, if it is small, its digest."""
    if path.suffix not in _SMALL:
        return [path.stat().st_size]
    data = path.read_bytes()
    return [len(data), hashlib.sha256(data).hexdigest()]
