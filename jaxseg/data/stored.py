"""Prepared data on disk: are they as they were written, and what to do if not.

`files.json` lists the size of every file and the SHA-256 of the small ones, which say
what the records mean. The records themselves carry hashes, which are checked when they
are read. Data that were prepared before there was a list are opened without it.
"""

from __future__ import annotations

import hashlib
import json
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

from jaxseg.storage.json_file import write_json

LIST = "files.json"
_SMALL = (".json", ".txt")


class DamagedData(ValueError):
    """Prepared data are cut, lost or changed."""

    def __init__(self, folder: pathlib.Path, why: object) -> None:
        reason = str(why).splitlines()[0] if str(why) else type(why).__name__
        super().__init__(
            f"the prepared data in {folder} are damaged ({reason}); delete that "
            "folder, and they are prepared anew"
        )


def write_list(folder: pathlib.Path) -> None:
    """Writes the list of a folder's files, once all are complete."""
    write_json(folder / LIST, {path.name: _entry(path) for path in _files(folder)})


def check_files(folder: pathlib.Path) -> None:
    """Compares a folder with its list; files that are not listed do not count.

    Raises:
      DamagedData: When a file is missing or differs, naming it.
    """
    path = folder / LIST
    if not path.is_file():
        return
    try:
        listed = json.loads(path.read_bytes())
        for name, entry in listed.items():
            if _entry(folder / name) != entry:
                raise DamagedData(folder, f"{name} is not as it was written")
    except DamagedData:
        raise
    except OSError as error:
        raise DamagedData(folder, f"{error.strerror}: {error.filename}") from error
    except (ValueError, AttributeError, RecursionError) as error:
        raise DamagedData(folder, f"{LIST} is no list of files") from error


class Records(Sequence):
    """Stored records by number; an error of reading says which data are damaged."""

    def __init__(self, records: Sequence[dict[str, Any]], folder: pathlib.Path) -> None:
        self._records = records
        self._folder = folder

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> dict[str, Any]:
        if not 0 <= index < len(self):
            raise IndexError(f"record {index}; there are {len(self)}")
        try:
            record = self._records[index]
        except Exception as error:
            raise DamagedData(self._folder, error) from error
        if any(value is None or value == b"" for value in _texts(record)):
            # Of a file that is cut, the library returns records without content.
            raise DamagedData(self._folder, f"record {index} is empty")
        return record


def _texts(record: dict[str, Any]) -> list[Any]:
    """The values of a record that are no arrays."""
    return [value for value in record.values() if not hasattr(value, "shape")]


def _files(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    return (path for path in sorted(folder.iterdir()) if path.is_file())


def _entry(path: pathlib.Path) -> list[Any]:
    """Size and, of small files, digest."""
    if path.suffix not in _SMALL:
        return [path.stat().st_size]
    data = path.read_bytes()
    return [len(data), hashlib.sha256(data).hexdigest()]
