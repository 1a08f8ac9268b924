"""Chooses the local folders that hold copies of runs in buckets.

They are in ~/.cache/jaxseg/runs, or in the folder that the environment variable
JAXSEG_RUNS_CACHE names. They can be deleted whenever no process uses them.
"""

from __future__ import annotations

import os
from pathlib import Path

from jaxseg.storage.address import Address
from jaxseg.storage.places import make_folder

VARIABLE = "JAXSEG_RUNS_CACHE"
FOLDER = "~/.cache/jaxseg/runs"


def training_folder(address: Address, process: int = 0) -> Path:
    """Creates and returns the local folder for the training of a run in a bucket.

    Args:
      address: The address of the run directory in the bucket.
      process: The index of this process. Every process of a run has its own folder,
        even if several run on one host.

    Raises:
      ValueError: If the folder cannot be created.
    """
    return _folder(address, f"train{process}")


def reading_folder(address: Address) -> Path:
    """Creates and returns the local folder from which a run in a bucket is read.

    Args:
      address: The address of the run directory in the bucket.

    Raises:
      ValueError: If the folder cannot be created.
    """
    return _folder(address, "read")


def _folder(address: Address, purpose: str) -> Path:
    base = Path(os.environ.get(VARIABLE) or FOLDER).expanduser().absolute()
    # The last component is that of the run, because reports show it as its name.
    parents = address.folder.split("/")[:-1]
    folder = base / purpose / address.scheme / address.bucket / Path(*parents)
    folder = folder / address.name
    make_folder(VARIABLE, folder)
    return folder
