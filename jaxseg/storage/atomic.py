"""Writes files and folders atomically: a reader sees the old or the new content.

A file is written under a temporary name in the folder of the target, flushed to the
disk and then renamed. A process that is killed or finds the disk full leaves the old
target unchanged. It can leave a temporary file, which `sweep` removes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import glob
import hashlib
import itertools
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from jaxseg.storage import process as owner

_NUMBERS = itertools.count()
_DAY = 86_400.0  # In seconds.
_TEMPORARY = re.compile(r"\..+\.building-(?P<mark>\w+)-\d+(\.\w+)?")


def write_text(path: str | Path, text: str) -> None:
    """Replaces a file with UTF-8 text atomically and creates its parent folders.

    Args:
      path: The file to create or replace.
      text: The new content.
    """
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: str | Path, data: bytes) -> None:
    """Replaces the content of a file atomically and creates its parent folders.

    If killed processes have left temporary files for this file, they are removed.

    Args:
      path: The file to create or replace.
      data: The new content.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    begin = temporary.name.partition(".building-")[0]
    if begin != temporary.name:
        _sweep(temporary.parent, f"{glob.escape(begin)}.building-*")


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Returns a context manager that replaces the file `path` atomically.

    The block writes a file with the temporary name. When the block ends, the file is
    renamed to `path`. If the block raises an exception, the temporary file is removed
    and `path` stays unchanged. The temporary name has the suffix of `path`, because
    some writers choose the file format by the suffix. If `path` is a symbolic link, the
    file that it points to is replaced. If `path` is a device or a pipe, it is written
    directly.

    Args:
      path: The file to create or replace.

    Yields:
      The temporary name.
    """
    target = Path(path)
    if target.exists() and not target.is_file() and not target.is_dir():
        yield target
        return
    target = Path(os.path.realpath(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(target)
    try:
        yield temporary
        _flush(temporary)
        os.replace(temporary, target)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and not error.filename:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    _flush(target.parent)


@contextlib.contextmanager
def building(folder: str | Path) -> Iterator[Path]:
    """Returns a context manager that creates a folder with its content atomically.

    The block writes files to a temporary folder. When the block ends, this folder is
    renamed to `folder`. If the block raises an exception, the temporary folder is
    removed.

    Args:
      folder: The folder to create. It must be missing or empty.

    Yields:
      The path of the temporary folder, which is in the parent folder of `folder`.

    Raises:
      FileExistsError: If `folder` exists and is not an empty folder.
      OSError: If something inside cannot be written. The message names `folder`.
    """
    target = Path(os.path.realpath(folder))
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise FileExistsError(
            f"{folder} is invalid: expected a new or empty folder. Choose another one."
        )
    temporary = temporary_name(target)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        for path in (*temporary.rglob("*"), temporary):
            if not path.is_symlink():
                _flush(path)
        os.replace(temporary, target)  # This replaces only an empty folder.
    except BaseException as error:
        _remove(temporary)
        if isinstance(error, OSError):  # The error names a file that is removed now.
            raise OSError(f"{folder} was not written: {_reason(error)}") from error
        raise
    _flush(target.parent)


def temporary_name(target: Path) -> Path:
    """Returns a hidden path in the folder of `target` that no other call returns.

    The temporary name contains only the beginning of the target's name, because the
    target's name can have the largest length that the file system allows.

    Args:
      target: The path of the file or folder that will be created.
    """
    begin = os.fsdecode(os.fsencode(target.name)[:100])
    name = f".{begin}.building-{_mark(owner.current())}-{next(_NUMBERS)}"
    return target.with_name(name + target.suffix)


def sweep(folder: str | Path) -> list[Path]:
    """Removes the temporary files and folders of processes that have ended.

    Whether a process of another host still runs is unknown. The temporary files of such
    processes are removed if they have not changed for a day.

    Args:
      folder: The folder to search. It may be missing.

    Returns:
      The removed paths.
    """
    return _sweep(Path(folder), ".*.building-*")


def _sweep(folder: Path, pattern: str) -> list[Path]:
    removed = []
    for path in sorted(folder.glob(pattern)):
        if not _abandoned(path):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        removed.append(path)
    return removed


def _remove(folder: Path) -> None:
    """Removes a folder into which threads of a failed writer may still write."""
    quiet = 0
    for _ in range(60):  # 3 s in all: a failed writer must not block the program.
        quiet = 0 if folder.exists() else quiet + 1
        shutil.rmtree(folder, ignore_errors=True)
        if quiet == 2:
            return
        time.sleep(0.05)


def _reason(error: BaseException) -> str:
    """Returns the first line of the innermost error, which the system raised."""
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error).splitlines() or [type(error).__name__])[0]


def _mark(process: owner.Owner) -> str:
    """Returns `HOSTS-DIGEST_PID_START` of a process, for file names."""
    machine = f"{process.host} {process.machine}".encode()
    start = re.sub(r"\W", "", process.start)
    return f"{hashlib.sha256(machine).hexdigest()[:12]}_{process.pid}_{start}"


def _abandoned(path: Path) -> bool:
    found = _TEMPORARY.fullmatch(path.name)
    if not found:
        return False
    here = owner.current()
    machine, pid, start = found["mark"].split("_")
    if machine != _mark(here).split("_")[0]:
        return _unchanged(path, _DAY)
    process = dataclasses.replace(here, pid=int(pid), start="")
    if not process.alive():
        return True
    now = re.sub(r"\W", "", owner.start_of(int(pid)))
    return bool(start and now) and start != now


def _unchanged(path: Path, seconds: float) -> bool:
    """Returns whether nothing at or below a path has changed for some time."""
    try:
        touched = [p.lstat().st_mtime for p in (path, *path.rglob("*"))]
    except OSError:  # A process is changing the files.
        return False
    return time.time() - max(touched) > seconds


def _flush(path: Path) -> None:
    """Flushes a file or a folder to the disk, if the file system supports it."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(handle)
    except OSError:
        if not path.is_dir():  # Some network file systems cannot flush folders.
            raise
    finally:
        os.close(handle)
