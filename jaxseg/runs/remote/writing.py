"""Writes the files of a run directory to a bucket."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from jaxseg.checkpoints.step_folders import step_folders
from jaxseg.runs.remote import changes, steps
from jaxseg.storage.address import parse_address
from jaxseg.storage.bucket import Bucket, open_bucket
from jaxseg.storage.parts import GrowingFile, grows


@contextlib.contextmanager
def written_run(option: str, text: str) -> Iterator[Path]:
    """Returns a context manager that creates a run directory in a bucket.

    Args:
      option: The option that contains the address, for error messages.
      text: The address.

    Yields:
      The path of a local folder that does not exist. The block must create it. When the
      block ends without an error, the files in the folder are uploaded.

    Raises:
      ValueError: If the bucket cannot be opened or already contains files there.
      StorageError: If the bucket cannot be written.
    """
    address = parse_address(option, text)
    bucket = open_bucket(option, address)
    if bucket.sizes():
        raise ValueError(
            f"{option}={text!r} is invalid: expected an address under which no file "
            "exists. Choose another address."
        )
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / address.name
        yield folder
        for step, place in step_folders(folder / steps.FOLDER).items():
            steps.upload_step(bucket, step, place)
        for name, path in changes.files(folder):
            store(bucket, name, path)


def store(bucket: Bucket, name: str, path: Path) -> None:
    """Writes a local file of a run to a bucket.

    Args:
      bucket: The bucket, which is opened at the folder of the run.
      name: The name of the file in the bucket.
      path: The local file.

    Raises:
      StorageError: If the bucket cannot be written.
    """
    if grows(name):
        GrowingFile(bucket, name).copy(path)
    else:
        bucket.upload(name, path)
