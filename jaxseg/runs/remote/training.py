"""Locks a run directory for training, and keeps its copy in a bucket up to date."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

from jaxseg.runs import lock as local_lock
from jaxseg.runs.remote import lock, staging, steps
from jaxseg.runs.remote.download import download_records, download_steps
from jaxseg.runs.remote.mirror import Mirror
from jaxseg.storage.address import parse_address
from jaxseg.storage.bucket import open_bucket


@dataclasses.dataclass(frozen=True)
class OwnedRun:
    """Represents a run directory that this process writes.

    Attributes:
      folder: The local run directory.
      check: Raises an error if this process must not write any more.
      copy: Copies all changes to the bucket, and returns when they are stored there. It
        is None for a local run directory, which needs no copy.
    """

    folder: Path
    check: Callable[[], None]
    copy: Callable[[], None] | None = None


@contextlib.contextmanager
def owned_run(workdir: str | Path) -> Iterator[OwnedRun]:
    """Returns a context manager that locks a run directory while its block runs.

    A run in a bucket is downloaded to a local folder first. Changes are uploaded while
    the block runs and when it ends, also if it ends with an error.

    Args:
      workdir: A local run directory, or its address in a bucket as a string.

    Yields:
      An `OwnedRun`, which contains the path of the local run directory.

    Raises:
      ValueError: If the bucket cannot be opened.
      RunInUse: If another process owns the run directory.
      StorageError: If the bucket cannot be read or written.
    """
    if isinstance(workdir, Path):
        with local_lock.holding(workdir) as held:
            yield OwnedRun(workdir, held.check)
        return
    address = parse_address("workdir", workdir)
    bucket = open_bucket("workdir", address)
    folder = staging.training_folder(address)
    with lock.locked(bucket) as owned, local_lock.holding(folder):
        steps.sweep(bucket)
        parts = download_records(bucket, folder)
        copies = download_steps(bucket, folder, remove=True)
        mirror = Mirror(bucket, folder, owned.check, parts=parts, copies=copies)
        mirror.start()
        try:
            yield OwnedRun(folder, mirror.check, mirror.copy)
        except BaseException:
            with contextlib.suppress(Exception):  # The first error is reported.
                mirror.close()
            raise
        mirror.close()
