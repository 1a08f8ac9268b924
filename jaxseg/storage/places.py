"""Checks that a file or folder that an option names can be written."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def check_folder(option: str, folder: str | Path) -> None:
    """Checks that a folder and a file in it can be created, and creates neither.

    Two processes that start at once may check the same folder. If they created it and
    removed it again, they would disturb each other. Instead, a temporary file without a
    name is opened in the nearest existing parent.

    Args:
      option: The option that names the folder, for the error message.
      folder: The folder, which may be missing.

    Raises:
      ValueError: If the folder, or a file in it, cannot be created.
    """
    target = Path(folder).absolute()
    parents = (target, *target.parents)
    existing = next(path for path in parents if os.path.lexists(path))
    try:
        for part in (target, *target.relative_to(existing).parts):
            with contextlib.suppress(FileNotFoundError):  # Others: a name too long.
                os.lstat(existing / part)
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise ValueError(_invalid(option, folder, error)) from error


def check_file(option: str, file: str | Path) -> None:
    """Checks that a file can be created or replaced.

    Args:
      option: The option that names the file, for the error message.
      file: The file.

    Raises:
      ValueError: If the file cannot be created or replaced.
    """
    if Path(file).is_dir():
        raise ValueError(
            f"{option}={str(file)!r} is invalid: expected a file, but this is a "
            "directory. Append the name of a file to the path."
        )
    if not os.path.exists(file):  # A device is written directly.
        check_folder(option, Path(file).absolute().parent)


def make_folder(option: str, folder: str | Path) -> None:
    """Creates a folder and its parents.

    Args:
      option: The option that names the folder, for the error message.
      folder: The folder.

    Raises:
      ValueError: If the folder cannot be created. The message names the option.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(_invalid(option, folder, error)) from error


def _invalid(option: str, folder: str | Path, error: OSError) -> str:
    target = Path(folder).absolute()
    taken = next((p for p in (target, *target.parents) if os.path.lexists(p)), target)
    why = (error.strerror or str(error)).lower()
    if not os.path.isdir(taken):
        what = "this" if taken == target else str(taken)
        why = f"{what} is {'a file' if os.path.exists(taken) else 'a broken link'}"
    else:
        why = f"this cannot be written ({why})"
    return (
        f"{option}={str(folder)!r} is invalid: expected a directory for new files, but "
        f"{why}. Choose another directory."
    )
