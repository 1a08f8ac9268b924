"""Opens run directories in buckets for commands that read them."""

from __future__ import annotations

import contextlib
import fcntl
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from jaxseg.config import Config
from jaxseg.runs.directory import CONFIG, read_config
from jaxseg.runs.remote import changes, staging, steps
from jaxseg.runs.remote.download import download_records, download_steps
from jaxseg.runs.remote.writing import store
from jaxseg.storage.address import is_address, parse_address
from jaxseg.storage.bucket import Bucket, open_bucket
from jaxseg.storage.retrying import StorageError

PAUSE = 5.0  # seconds between two looks for new steps


@contextlib.contextmanager
def read_run(option: str, text: str) -> Iterator[tuple[Path, Bucket]]:
    """Returns a context manager that downloads a run from a bucket for reading.

    The local folder is kept, so that the next command downloads only new checkpoints.

    Args:
      option: The option that contains the address, for error messages.
      text: The address.

    Yields:
      A pair: the local run directory, and the `Bucket` that gives access to the folder
      of the run.

    Raises:
      ValueError: If the bucket cannot be opened or the address is no run directory.
      StorageError: If the bucket cannot be read.
    """
    address = parse_address(option, text)
    bucket = open_bucket(option, address)
    if bucket.read(CONFIG) is None:
        raise ValueError(
            f"{option}={text!r} is invalid: expected a run directory, but "
            f"{address}/{CONFIG} is missing."
        )
    folder = staging.reading_folder(address)
    with _guard(folder, "reading").open("w") as guard:
        # Steps are deleted only if no other process reads them.
        alone = _locked(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not alone:
            fcntl.flock(guard, fcntl.LOCK_SH)
        _download(bucket, folder, remove=alone)
        fcntl.flock(guard, fcntl.LOCK_SH)
        yield folder, bucket


def local_run(option: str, text: str) -> str:
    """Downloads a run from a bucket, and returns the local run directory.

    Args:
      option: The option that contains the address, for error messages.
      text: The address. A local path is returned unchanged.

    Raises:
      ValueError: If the bucket cannot be opened or the address is no run directory.
      StorageError: If the bucket cannot be read.
    """
    if not is_address(text):
        return text
    with read_run(option, text) as (folder, _):
        return str(folder)


@contextlib.contextmanager
def updated_run(option: str, text: str) -> Iterator[tuple[Path, list[str]]]:
    """Returns a context manager that reads a run in a bucket and adds files to it.

    When the block ends without an error, the files that it has written to the local
    run directory, such as report.html, are uploaded.

    Args:
      option: The option that contains the address, for error messages.
      text: The address.

    Yields:
      A pair: the local run directory, and a list that receives the addresses of the
      uploaded files when the block ends.

    Raises:
      ValueError: If the bucket cannot be opened or the address is no run directory.
      StorageError: If the bucket cannot be read or written.
    """
    with read_run(option, text) as (folder, bucket):
        before, stored = changes.snapshot(folder), []
        yield folder, stored
        for name, path in changes.files(folder):
            if before.get(name) != changes.state(path):
                store(bucket, name, path)
                stored.append(f"{bucket.address}/{name}")


@contextlib.contextmanager
def followed_run(option: str, text: str) -> Iterator[tuple[Path, list[str]]]:
    """Returns a context manager like `updated_run` that also downloads checkpoints.

    A thread downloads the checkpoints that another process adds to the run in the
    bucket while the block runs.

    Args:
      option: The option that contains the address, for error messages.
      text: The address.

    Yields:
      A pair: the local run directory, and a list that receives the addresses of the
      uploaded files when the block ends.
    """
    bucket, ended = open_bucket(option, parse_address(option, text)), threading.Event()
    with updated_run(option, text) as (folder, stored):

        def download() -> None:
            while not ended.wait(PAUSE):
                with contextlib.suppress(OSError):  # The next attempt may succeed.
                    _download_new(bucket, folder)

        thread = threading.Thread(target=download, name="new steps", daemon=True)
        thread.start()
        try:
            yield folder, stored
        finally:
            ended.set()
            thread.join()


def _download(bucket: Bucket, folder: Path, *, remove: bool) -> None:
    with _guard(folder, "download").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        download_records(bucket, folder)
        download_steps(bucket, folder, remove=remove)


def _download_new(bucket: Bucket, folder: Path) -> None:
    with _guard(folder, "download").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        download_steps(bucket, folder, remove=False)


def newest_step(text: str) -> int:
    """Returns the step of a run's newest checkpoint in a bucket, or 0 if none is found.

    Args:
      text: The address of the run directory.
    """
    with contextlib.suppress(StorageError):
        bucket = open_bucket("workdir", parse_address("workdir", text))
        return steps.newest_step(bucket) or 0
    return 0


@contextlib.contextmanager
def previewed_run(workdir: str | Path) -> Iterator[Path]:
    """Returns a context manager that gives read access to a run that may not exist yet.

    Args:
      workdir: A local run directory, or its address in a bucket as a string.

    Yields:
      The local run directory. For an address without a run, it is an empty folder.

    Raises:
      ValueError: If the bucket cannot be opened.
      StorageError: If the bucket cannot be read.
    """
    if isinstance(workdir, Path):
        yield workdir
    elif stored_config(workdir) is None:
        with tempfile.TemporaryDirectory() as empty:
            yield Path(empty)
    else:
        with read_run("workdir", workdir) as (folder, _):
            yield folder


def stored_config(text: str) -> Config | None:
    """Returns the configuration of a run in a bucket, or None if it has none.

    Args:
      text: The address of the run directory.

    Raises:
      ValueError: If the bucket cannot be opened, or if the configuration is invalid.
    """
    bucket = open_bucket("workdir", parse_address("workdir", text))
    content = bucket.read(CONFIG)
    if content is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / CONFIG).write_bytes(content)
        try:
            return read_config(folder)
        except ValueError as error:
            message = str(error).replace(folder, str(bucket.address))
            raise ValueError(message) from error


def _guard(folder: Path, purpose: str) -> Path:
    return folder.parent / f".{folder.name}.{purpose}"


def _locked(file: TextIO, operation: int) -> bool:
    try:
        fcntl.flock(file, operation)
    except OSError:
        return False
    return True
