"""Checks that a path can become a run directory, before anything is written there."""

from __future__ import annotations

import os
from pathlib import Path

from jaxseg.runs.directory import CHECKPOINTS, CONFIG, DATASET
from jaxseg.runs.environment import NAME as ENVIRONMENT
from jaxseg.runs.lock import LOCK
from jaxseg.storage.address import is_address
from jaxseg.storage.places import check_folder

FOLDERS = (CHECKPOINTS, "lab", "overlays", "profile")
FILES = (CONFIG, DATASET, LOCK, ENVIRONMENT, "metrics.jsonl", "report.html")


def check_workdir(workdir: str | Path) -> None:
    """Raises ValueError unless a path is, or can become, a run directory.

    Whether the bucket of an address exists is not checked here, because this needs
    requests.

    Args:
      workdir: The run directory: a path, or the address of a bucket as a string.
    """
    if is_address(workdir):
        return
    check_folder("workdir", workdir)
    for name in (*FOLDERS, *FILES):
        path = Path(workdir) / name
        expected = os.path.isdir if name in FOLDERS else os.path.isfile
        if os.path.lexists(path) and not expected(path):
            kind = "a directory" if name in FOLDERS else "a file"
            raise ValueError(
                f"workdir={str(workdir)!r} is invalid: expected {path} to be {kind}, "
                "but it is not. Move it away, or choose another --workdir."
            )
