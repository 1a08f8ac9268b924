"""Finds the folders of a checkpoint directory, each of which contains one step."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

_NUMBER = re.compile("0|[1-9][0-9]{,254}")  # no sign, no leading zero, a file's name


def step_number(text: str) -> int | None:
    """Returns the step number if the name of a folder is one, else None.

    >>> step_number("250"), step_number("0250"), step_number("\u00b2")
    (250, None, None)
    """
    return int(text) if _NUMBER.fullmatch(text) else None


def step_folders(directory: str | Path) -> dict[int, Path]:
    """Returns a dictionary from each step with a checkpoint to its folder, in order.

    The steps are in ascending order. The result is empty if `directory` does not exist.
    Empty folders are skipped. They contain no step, because the folder of a step gets
    its final name only when the step is complete.
    """
    folder = Path(directory)
    if not folder.is_dir():
        return {}
    named = ((step_number(path.name), path) for path in folder.iterdir())
    steps = {step: path for step, path in named if step is not None}
    return {step: steps[step] for step in sorted(steps) if _is_filled(steps[step])}


def remove_empty(directory: str | Path) -> None:
    """Removes empty folders that are named like steps.

    Orbax would treat them as existing steps and would not save steps with these
    numbers.
    """
    folder = Path(directory)
    for path in folder.iterdir() if folder.is_dir() else ():
        if step_number(path.name) is not None and path.is_dir():
            with contextlib.suppress(OSError):  # it is not empty
                path.rmdir()


def _is_filled(path: Path) -> bool:
    return path.is_dir() and any(path.iterdir())
