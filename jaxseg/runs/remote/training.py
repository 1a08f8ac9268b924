"""Locks a run directory for training, and keeps its copy in a bucket up to date.

If a run has several processes, each of them has a local folder of its own, and process
0 writes to the bucket. At the start, it locks the run and deletes incomplete uploads.
Then all processes download the same checkpoints. Whenever process 0 has uploaded a
checkpoint, the processes wait for each other. All of them therefore know that it is
complete.
"""

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
from jaxseg.storage.bucket import Bucket, open_bucket


@dataclasses.dataclass(frozen=True)
class OwnedRun:
    """Represents a run directory that the processes of a run use.

    Attributes:
      folder: The local run directory.
      check: Raises an error if this process must not write any more.
      copy: Copies all changes to the bucket, and returns when they are stored there.
        All processes of the run must call it. It is None for a local run directory,
        which needs no copy.
    """

    folder: Path
    check: Callable[[], None] = lambda: None
    copy: Callable[[], None] | None = None


@dataclasses.dataclass(frozen=True)
class Member:
    """Is one of the processes that train a run together.

    Attributes:
      index: The index of the process. Process 0 locks and writes the run directory.
      meet: A function that takes a description, and returns when all processes have
        called it.
    """

    index: int = 0
    meet: Callable[[str], None] = lambda place: None


@contextlib.contextmanager
def owned_run(workdir: str | Path, member: Member = Member()) -> Iterator[OwnedRun]:
    """Returns a context manager that locks a run directory while its block runs.

    A run in a bucket is downloaded to a local folder first. Changes are uploaded while
    the block runs and when it ends, also if it ends with an error.

    Args:
      workdir: A local run directory, or its address in a bucket as a string.
      member: The index of this process, and how it waits for the others.

    Yields:
      An `OwnedRun`, which contains the path of the local run directory.

    Raises:
      ValueError: If the bucket cannot be opened.
      RunInUse: If another process owns the run directory.
      StorageError: If the bucket cannot be read or written.
    """
    if isinstance(workdir, Path):
        if member.index:
            yield OwnedRun(workdir)
            return
        with local_lock.holding(workdir) as held:
            yield OwnedRun(workdir, held.check)
        return
    address = parse_address("workdir", workdir)
    bucket = open_bucket("workdir", address)
    folder = staging.training_folder(address, member.index)
    opened = (
        _follower(bucket, folder, member)
        if member.index
        else _owner(bucket, folder, member)
    )
    with opened as run:
        yield run
    member.meet("the end of the uploads")


@contextlib.contextmanager
def _owner(bucket: Bucket, folder: Path, member: Member) -> Iterator[OwnedRun]:
    """Locks and downloads a run, and uploads its changes. Process 0 calls it."""
    with lock.locked(bucket) as owned, local_lock.holding(folder):
        steps.sweep(bucket)
        parts = download_records(bucket, folder)
        copies = download_steps(bucket, folder, remove=True)
        member.meet("the lock of the run")
        mirror = Mirror(bucket, folder, owned.check, parts=parts, copies=copies)
        mirror.start()

        def copy() -> None:
            mirror.copy()
            member.meet("the upload of a checkpoint")

        try:
            yield OwnedRun(folder, mirror.check, copy)
        except BaseException:
            with contextlib.suppress(Exception):  # The first error is reported.
                mirror.close()
            raise
        mirror.close()


@contextlib.contextmanager
def _follower(bucket: Bucket, folder: Path, member: Member) -> Iterator[OwnedRun]:
    """Downloads the run that process 0 has locked, and uploads nothing."""
    with local_lock.holding(folder):
        member.meet("the lock of the run")
        download_records(bucket, folder)
        download_steps(bucket, folder, remove=True)
        yield OwnedRun(folder, copy=lambda: member.meet("the upload of a checkpoint"))
