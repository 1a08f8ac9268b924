"""Finds the files of a local run directory that have changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from jaxseg.runs.lock import LOCK
from jaxseg.runs.remote import steps

LEFT_OUT = ("wandb", "mlruns")  # folders of loggers, which send their files themselves
State = tuple[int, ...]


def files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yields a pair for each file of a run that does not belong to a checkpoint.

    The pair contains the path relative to the run directory, as text, and the full
    path. Hidden files, the lock file and the folders of Weights & Biases and MLflow are
    left out.

    Args:
      folder: The local run directory.
    """
    for path, folders, names in os.walk(folder):
        inside = Path(path).relative_to(folder)
        top = inside == Path()
        left_out = (steps.FOLDER, *LEFT_OUT) if top else ()
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and name not in left_out
        )
        for name in sorted(names):
            if not name.startswith(".") and not (top and name == LOCK):
                yield (inside / name).as_posix(), Path(path) / name


def state(path: Path) -> State:
    """Returns three numbers that change when a file or folder is replaced or written.

    They are its inode, its size in bytes and the time of its last change in
    nanoseconds.

    Raises:
      FileNotFoundError: If the path does not exist.
    """
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def snapshot(folder: Path) -> dict[str, State]:
    """Returns the inode, size and time of change of each file of a run.

    The result is a dictionary from the path of the file within the run to these three
    numbers. It contains the files that the function `files` yields.

    Args:
      folder: The local run directory.
    """
    return {name: state(path) for name, path in files(folder)}
