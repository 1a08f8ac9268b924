"""The content of a run in a bucket, in the form of a local run directory."""

import shutil
from pathlib import Path

from jaxseg.runs.remote import steps
from jaxseg.runs.remote.download import COPIED, download_steps
from jaxseg.storage.address import parse_address
from jaxseg.storage.bucket import Bucket, open_bucket
from jaxseg.storage.parts import file_of_part, join


def opened(address: str) -> Bucket:
    """The folder of a run."""
    return open_bucket("address", parse_address("address", address))


def clear(address: str) -> None:
    """Deletes a run."""
    bucket = opened(address)
    bucket.delete(bucket.sizes())


def fetch(address: str, folder: Path) -> list[str]:
    """Downloads all files of a run; the names of those that no commit lists."""
    bucket, parts = opened(address), {}
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in bucket.sizes():
        if not name.startswith(("lock/", f"{steps.FOLDER}/")):
            file, start = file_of_part(name)
            parts.setdefault(file, {})[start] = bucket.read(name)
    for name, found in parts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(join(found))
    download_steps(bucket, folder, remove=True)
    (folder / COPIED).unlink(missing_ok=True)
    return steps.sweep(bucket)
