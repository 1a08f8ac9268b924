"""Files and folders that appear complete, or not at all.

Everything is built under a temporary name in the target's folder, flushed to the disk
and then renamed. A process that is killed, or that runs out of space, leaves the old
target untouched and at most a temporary name behind, which `sweep` removes.
"""

from __future__ import annotations

import contextlib
import dataclasses
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
_TEMPORARY = re.compile(r"\..+\.building-(?P<mark>\w+)-\d+(\.\w+)?")


def write_text(path: str | Path, text: str) -> None:
    """Replaces a file by UTF-8 text in one step; creates the folders above it."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: str | Path, data: bytes) -> None:
    """Replaces a file by `data` in one step; creates the folders above it."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yields a temporary file name; what was written there becomes `path` at the end.

    The temporary name has the suffix of `path`, so that a writer that chooses the
    format by the suffix works. An exception inside the block removes the temporary
    file and leaves `path` as it was. A link is followed. A device or a pipe, which
    cannot be replaced, is written directly.

    Args:
      path: The file to create or replace.

    Yields:
      The name to write to.
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
    """Yields a temporary folder that becomes `folder` at the end of the block.

    An exception inside the block removes the temporary folder and leaves nothing.

    Args:
      folder: The folder to create. It must not exist, or be empty.

    Yields:
      An empty folder to fill, beside the final one.

    Raises:
      FileExistsError: When `folder` exists and is not an empty folder.
      OSError: When something inside could not be written; it names `folder`.
    """
    target = Path(os.path.realpath(folder))
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise FileExistsError(f"{folder} exists and is not an empty folder")
    temporary = temporary_name(target)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        for path in (*temporary.rglob("*"), temporary):
            if not path.is_symlink():
                _flush(path)
        os.replace(temporary, target)  # an empty folder is replaced, a full one is not
    except BaseException as error:
        _remove(temporary)
        if isinstance(error, OSError):  # it names what is gone now
            raise OSError(f"{folder} was not written: {_reason(error)}") from error
        raise
    _flush(target.parent)


def temporary_name(target: Path) -> Path:
    """A hidden name beside `target` that no other process or call uses.

    It holds the beginning of the target's name alone, because that may be as long as
    file systems allow.
    """
    begin = os.fsdecode(os.fsencode(target.name)[:100])
    name = f".{begin}.building-{_mark(owner.current())}-{next(_NUMBERS)}"
    return target.with_name(name + target.suffix)


def sweep(folder: str | Path) -> list[Path]:
    """Removes the temporary files and folders in `folder` whose process has ended.

    Those of other hosts are left alone, because their processes cannot be seen. A
    folder that does not exist holds none.

    Returns:
      What was removed.
    """
    removed = []
    for path in sorted(Path(folder).glob(".*.building-*")):
        if not _abandoned(path):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        removed.append(path)
    return removed


def _remove(folder: Path) -> None:
    """Removes a folder in which threads of a failed writer may still be busy."""
    quiet = 0
    for _ in range(60):
        quiet = 0 if folder.exists() else quiet + 1
        shutil.rmtree(folder, ignore_errors=True)
        if quiet == 2:
            return
        time.sleep(0.05)


def _reason(error: BaseException) -> str:
    """The first line of the innermost message: what the operating system said."""
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error).splitlines() or [type(error).__name__])[0]


def _mark(process: owner.Owner) -> str:
    """`HOSTS-DIGEST_PID_START` of a process, for file names."""
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
        return False
    process = dataclasses.replace(here, pid=int(pid), start="")
    if not process.alive():
        return True
    now = re.sub(r"\W", "", owner.start_of(int(pid)))
    return bool(start and now) and start != now


def _flush(path: Path) -> None:
    """Forces a file or a folder to the disk, where the file system offers it."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(handle)
    except OSError:
        if not path.is_dir():  # some network file systems cannot flush folders
            raise
    finally:
        os.close(handle)
