"""Whether results can be written where an option says, before any work is done."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def check_folder(option: str, folder: str | Path) -> None:
    """Tries to write in a folder, which may be missing, and leaves nothing.

    Args:
      option: The option that names the folder, for the error.
      folder: The folder.

    Raises:
      ValueError: When the folder cannot be made, or no file in it.
    """
    target = Path(folder).absolute()
    missing = [p for p in (target, *target.parents) if not os.path.lexists(p)]
    made = []
    try:
        for path in reversed(missing):
            path.mkdir()
            made.append(path)
        with tempfile.TemporaryFile(dir=target):
            pass
    except OSError as error:
        raise ValueError(_invalid(option, folder, error)) from error
    finally:
        for path in reversed(made):
            with contextlib.suppress(OSError):
                path.rmdir()


def check_file(option: str, file: str | Path) -> None:
    """Raises ValueError unless a file can be made or replaced; see `check_folder`."""
    if Path(file).is_dir():
        raise ValueError(
            f"{option}={str(file)!r} is invalid: expected a file, but this is a "
            "directory. Add a name to it."
        )
    if not os.path.exists(file):  # a device is written directly
        check_folder(option, Path(file).absolute().parent)


def make_folder(option: str, folder: str | Path) -> None:
    """Makes a folder and those above it.

    Raises:
      ValueError: When that is impossible, naming the option.
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
