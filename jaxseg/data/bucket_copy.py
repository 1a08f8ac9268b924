"""Copies prepared data from a bucket to the local disk, once per host.

Training reads examples in random order and needs them on a local disk. If
`data.prepared_dir` is an address such as gs://bucket/data, the selected dataset is
therefore downloaded to ~/.cache/jaxseg/data, or to the folder that the environment
variable JAXSEG_DATA_CACHE names. The processes of a host share the copy.
"""

from __future__ import annotations

import fcntl
import logging
import os
import pathlib
import sys

from rich.console import Console
from rich.progress import DownloadColumn, Progress, TransferSpeedColumn

from jaxseg.data.stored import DamagedData, check_files
from jaxseg.storage import atomic
from jaxseg.storage.address import Address, parse_address
from jaxseg.storage.bucket import Bucket, inside, open_bucket, transfers
from jaxseg.storage.places import make_folder

logger = logging.getLogger(__name__)
VARIABLE = "JAXSEG_DATA_CACHE"
FOLDER = "~/.cache/jaxseg/data"
OPTION = "data.prepared_dir"
MARK = ".bucket"  # this file contains the address that a local folder is a copy of


def local_folder(text: str) -> pathlib.Path:
    """Returns the local folder for the prepared data at an address.

    The folder is created, but nothing is downloaded yet.

    Args:
      text: The address of the folder of all prepared data.

    Raises:
      ValueError: If the address is invalid or the folder cannot be created.
    """
    address = parse_address(OPTION, text)
    base = pathlib.Path(os.environ.get(VARIABLE) or FOLDER).expanduser().absolute()
    folder = base / address.scheme / address.bucket / address.folder
    make_folder(VARIABLE, folder)
    if not (folder / MARK).exists():
        atomic.write_text(folder / MARK, str(address))
    return folder


def download(target: pathlib.Path, complete: str) -> bool:
    """Downloads a dataset to a folder if the bucket of its prepared data contains it.

    If another process of this host downloads it at the same time, this process waits.

    Args:
      target: The local folder of the dataset. If the prepared data are in a bucket,
        this folder is inside the one that `local_folder` returned for the bucket.
      complete: The name of a file that exists only if the dataset is complete.

    Returns:
      True if the folder contains the dataset now. False if the bucket does not contain
      the dataset, or if the folder does not belong to a bucket.

    Raises:
      ValueError: If the bucket cannot be opened, or the data in it are damaged.
      OSError: If the data cannot be downloaded.
    """
    root = next((path for path in target.parents if (path / MARK).exists()), None)
    if root is None:
        return False
    address = parse_address(OPTION, (root / MARK).read_text())
    with (root / f"{MARK}.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if (target / complete).is_file():
            return True
        return _download(address, target.relative_to(root).as_posix(), target, complete)


def _download(address: Address, name: str, target: pathlib.Path, complete: str) -> bool:
    bucket = open_bucket(OPTION, address)
    sizes = bucket.sizes(name)
    if f"{name}/{complete}" not in sizes:
        logger.warning(
            "%s/%s contains no prepared data. The data are prepared in the local "
            "folder %s, and are not uploaded.",
            *(address, name, target),
        )
        return False
    with atomic.building(target) as made:
        _fetch(bucket, name, sizes, made)
        try:
            check_files(made)
        except DamagedData as error:
            why = str(error).partition("(")[2].partition(")")[0]
            raise ValueError(
                f"{OPTION}={str(address)!r} is invalid: expected undamaged data, but "
                f"{name} is damaged ({why}). Upload the data again."
            ) from error
    return True


def _fetch(
    bucket: Bucket, name: str, sizes: dict[str, int], folder: pathlib.Path
) -> None:
    """Downloads the objects of a dataset, and shows a progress bar on terminals."""
    columns = (*Progress.get_default_columns(), DownloadColumn(), TransferSpeedColumn())
    console = Console(stderr=True)
    shown = Progress(*columns, console=console, disable=not sys.stderr.isatty())
    with shown, transfers() as start:
        bar = shown.add_task(f"{bucket.address}/{name}", total=sum(sizes.values()))

        def fetch(source: str, path: pathlib.Path) -> None:
            bucket.download(source, path)
            shown.advance(bar, sizes[source])

        for source in sizes:
            path = inside(folder, source.removeprefix(f"{name}/"))
            path.parent.mkdir(parents=True, exist_ok=True)
            start(fetch, source, path)
