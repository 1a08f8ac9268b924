"""Ensures that only one process at a time writes to a run directory in a bucket.

The folder `lock` of the run contains objects with consecutive numbers. A process owns
the run if it has created the object with the highest number. Creation fails if the
object exists, so of several processes that start at once, one succeeds. The object
names the process. Its owner rewrites it every `BEAT` seconds with a larger counter, and
marks it as released at the end.

* An owner on the same host is checked by its process number.
* An owner on another host counts as dead if its counter has not changed for `LIMIT`
  seconds, as measured by the process that waits for the lock. The waiting process then
  creates the object with the next number.
* An owner that was only suspended finds the higher number and stops; see
  `BucketLock.check`.

Numbers are not used twice, so that a suspended owner cannot mistake the object of
another process for its own.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

from jaxseg.runs.lock import Holder, RunInUse
from jaxseg.storage import process
from jaxseg.storage.bucket import Bucket
from jaxseg.storage.json_file import parse_json
from jaxseg.storage.retrying import StorageError
from jaxseg.text import as_message

FOLDER = "lock"
BEAT = 15.0  # seconds between two updates of the object
LIMIT = 60.0  # seconds without an update after which a remote owner counts as dead


@dataclasses.dataclass(frozen=True)
class Signature:
    """Contains what a lock object in a bucket stores.

    Attributes:
      holder: The process that has created the object.
      beat: The number of times that this process has updated the object.
      released: Whether the process has ended and no longer owns the run.
    """

    holder: Holder
    beat: int = 0
    released: bool = False

    def to_bytes(self) -> bytes:
        """Returns the bytes of the lock object: the attributes as a JSON object."""
        return (json.dumps(dataclasses.asdict(self), indent=1) + "\n").encode()


class BucketLock:
    """Represents this process's lock on a run in a bucket. `locked` creates it."""

    def __init__(self, bucket: Bucket, number: int, signature: Signature) -> None:
        self.taken_by: Holder | None = None
        self._bucket, self._number, self._signature = bucket, number, signature
        self._signed = time.monotonic()
        self._mutex = threading.Lock()
        self._released = threading.Event()
        name = f"lock of {bucket.address}"
        self._thread = threading.Thread(target=self._beat, name=name, daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Checks that this process still owns the run.

        It sends a request only if the last successful one was sent more than `LIMIT`
        seconds ago. Until then, no process on another host takes over the run.

        Raises:
          RunInUse: If another process has taken over the run.
          StorageError: If the bucket cannot be reached.
        """
        if time.monotonic() - self._signed > LIMIT:
            self.sign()
        if self.taken_by is not None:
            raise RunInUse(
                f"{self._bucket.address} was taken over by {self.taken_by}, because "
                f"this process did not update its lock for {LIMIT:.0f} seconds. This "
                "process stops without writing."
            )

    def sign(self) -> None:
        """Updates the lock object, or sets `taken_by` if another process took over."""
        with self._mutex:
            if self.taken_by is not None:
                return
            begun = time.monotonic()
            if (highest := _highest(self._bucket)) > self._number:
                found = _read(self._bucket, highest)
                self.taken_by = found.holder if found else self._signature.holder
                return
            self._write(beat=self._signature.beat + 1)
            self._signed = begun

    def release(self) -> None:
        """Stops updating the lock object, and marks it as released."""
        self._released.set()
        self._thread.join()
        with self._mutex:
            if self.taken_by is None and _highest(self._bucket) == self._number:
                self._write(released=True)
                names = (_name(number) for number in _numbers(self._bucket))
                self._bucket.delete(n for n in names if n < _name(self._number))

    def _write(self, **changes: Any) -> None:
        self._signature = dataclasses.replace(self._signature, **changes)
        self._bucket.write(_name(self._number), self._signature.to_bytes())

    def _beat(self) -> None:
        while not self._released.wait(BEAT):
            with contextlib.suppress(StorageError):  # `check` repeats the request.
                self.sign()


@contextlib.contextmanager
def locked(bucket: Bucket) -> Iterator[BucketLock]:
    """Returns a context manager that locks a run in a bucket while its block runs.

    Args:
      bucket: The bucket, which is opened at the folder of the run.

    Yields:
      The lock. Its method `check` raises RunInUse if another process has taken over.

    Raises:
      RunInUse: If another process owns the run. The message names its host, process
        number and start time.
    """
    lock = acquire(bucket)
    try:
        yield lock
    finally:
        with contextlib.suppress(StorageError):  # It expires by itself.
            lock.release()


def acquire(bucket: Bucket) -> BucketLock:
    """Locks a run in a bucket, if no other process owns it.

    The function creates the lock object with the next number.

    Raises:
      RunInUse: If the process that owns the run still runs.
    """
    now = time.strftime("%Y-%m-%d %H:%M:%S %z")
    mine = Signature(Holder(process.current(), now, uuid.uuid4().hex))
    while True:
        number = _highest(bucket)
        found = _read(bucket, number)
        if found is not None and not _ended(bucket, number, found):
            raise RunInUse(
                f"{bucket.address} is in use by {found.holder}. Wait until it ends, or "
                "choose another --workdir."
            )
        if bucket.create(_name(number + 1), mine.to_bytes()):
            return BucketLock(bucket, number + 1, mine)


def _ended(bucket: Bucket, number: int, found: Signature) -> bool:
    """Returns whether an owner no longer runs, after waiting if that is unknown."""
    if found.released:
        return True
    alive = found.holder.process.alive()
    if alive is not None:
        return not alive
    line = (
        f"{bucket.address} is locked by {found.holder}; waiting up to {LIMIT:.0f} "
        "seconds to see whether it is alive"
    )
    print(as_message(line), file=sys.stderr, flush=True)
    until = time.monotonic() + LIMIT
    while time.monotonic() < until:
        time.sleep(min(BEAT, LIMIT) / 4)
        later = _read(bucket, number)
        if later is None or later.released or _highest(bucket) > number:
            return True  # The caller looks again.
        if later.beat != found.beat:
            return False
    return True


def _numbers(bucket: Bucket) -> list[int]:
    names = (name.rpartition("/")[2] for name in bucket.sizes(FOLDER))
    stems = (name.removesuffix(".json") for name in names)
    return sorted(int(stem) for stem in stems if stem.isdecimal())


def _highest(bucket: Bucket) -> int:
    return max(_numbers(bucket), default=0)


def _name(number: int) -> str:
    return f"{FOLDER}/{number:08}.json"


def _read(bucket: Bucket, number: int) -> Signature | None:
    """Returns the content of a lock object, or None if it is missing or unreadable."""
    data = bucket.read(_name(number)) if number else None
    try:
        fields = parse_json(data or b"")
        holder = fields["holder"]
        owner = process.Owner(**holder.pop("process"))
        fields["holder"] = Holder(process=owner, **holder)
        return Signature(**fields)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
