"""Ensures that only one process at a time writes to a run directory.

`lock.json` names the host, the process and the start time of the owner. It is created
through a hard link, which succeeds for exactly one process on local and on network file
systems. The lock expires when its owner dies:

* If the owner runs on the same host, the operating system reports whether its process
  still exists. A killed run therefore never blocks the next start.
* A process on another host cannot be observed directly. It touches the file every
  `BEAT` seconds, and another process may take over if the file has not been touched for
  `LIMIT` seconds. That process measures the time on its own clock, so the clocks of the
  two hosts may differ.

A process that was assumed to be dead, such as a suspended virtual machine, finds
another owner in the file and stops before it writes again; see `Lock.check`.

Commands that only read a run (`eval`, `predict`, `convert`) need no lock, because files
are replaced atomically.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import os
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from jaxseg.storage import atomic
from jaxseg.storage import process as owner
from jaxseg.storage.json_file import parse_json
from jaxseg.text import as_message

LOCK = "lock.json"
BEAT = 5.0  # seconds between two updates of the lock file
LIMIT = 30.0  # seconds without an update after which a remote owner counts as dead
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class RunInUse(OSError):
    """Is raised if another process owns the run directory."""


@dataclasses.dataclass(frozen=True)
class Holder:
    """Describes the process that holds a lock file.

    Attributes:
      process: The host and the number of the process.
      since: The local time with time zone at which it locked the directory.
      token: A unique value for each lock.
    """

    process: owner.Owner
    since: str
    token: str

    def __str__(self) -> str:
        return f"process {self.process.pid} on {self.process.host} since {self.since}"

    def to_json(self) -> str:
        """Returns the text of the lock file: the attributes as a JSON object."""
        return json.dumps(dataclasses.asdict(self), indent=1) + "\n"


UNKNOWN = Holder(
    owner.Owner("an unknown host", machine="?", pid=0, start=""), "an unknown time", ""
)


class Lock:
    """Represents a lock of this process on a run directory; `holding` creates it."""

    def __init__(self, path: Path, holder: Holder) -> None:
        self.path = path
        self.holder = holder
        self.taken_by: Holder | None = None
        self._released = threading.Event()
        name = f"lock of {path.parent}"
        self._thread = threading.Thread(target=self._beat, name=name, daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raises RunInUse if another process has taken over the directory."""
        if self.taken_by is not None:
            raise RunInUse(
                f"{self.path.parent} was taken over by {self.taken_by}, because this "
                f"process did not update its lock for {LIMIT:.0f} seconds. This "
                "process stops without writing."
            )

    def release(self) -> None:
        """Stops refreshing the lock file and deletes it if this process owns it."""
        self._released.set()
        self._thread.join()
        if _token(self.path) == self.holder.token:
            self.path.unlink(missing_ok=True)

    def _beat(self) -> None:
        while not self._released.wait(BEAT):
            with contextlib.suppress(OSError):  # The file system may be away.
                self.sign()

    def sign(self) -> None:
        """Touches the lock file, or sets `taken_by` if another process owns it now."""
        found = read(self.path)
        if found is None:  # The user deleted the file.
            found = self.holder if _create(self.path, self.holder) else read(self.path)
        if found is not None and found.token not in ("", self.holder.token):
            self.taken_by = found
        elif self.taken_by is None:
            os.utime(self.path)


@contextlib.contextmanager
def holding(workdir: str | Path) -> Iterator[Lock]:
    """Returns a context manager that locks a run directory while its block runs.

    It creates the directory if necessary. When the block ends, it deletes the directory
    if nothing was written there.

    Args:
      workdir: The run directory, in a file system that all hosts share.

    Yields:
      The lock. Its method `check` raises RunInUse if another process has taken over the
      directory.

    Raises:
      RunInUse: If another process owns the directory. The message names its host,
        process number and start time.
    """
    directory = Path(workdir)
    made = _make(directory)
    try:
        lock = acquire(directory / LOCK)
        try:
            _remove_left(directory)
            yield lock
        finally:
            lock.release()
    finally:
        for folder in made:
            with contextlib.suppress(OSError):  # The directory is not empty.
                folder.rmdir()


def acquire(path: Path) -> Lock:
    """Creates a lock file or takes it over from an ended process; returns the lock.

    Raises:
      RunInUse: If the process that owns the lock file still runs.
    """
    holder = Holder(owner.current(), _now(), uuid.uuid4().hex)
    while not _create(path, holder):
        found = read(path)
        if found is None:
            continue  # The lock was released just now.
        if not _dead(path, found):
            raise RunInUse(
                f"{path.parent} is in use by {found}. Wait until it ends, or choose "
                "another --workdir."
            )
        _remove_dead(path, found)
    return Lock(path, holder)


def read(path: Path) -> Holder | None:
    """Returns the process that a lock file names, or None if there is no lock file."""
    try:
        fields = parse_json(path.read_text(encoding="utf-8"))
        process = owner.Owner(**fields.pop("process"))
        return Holder(process=process, **fields)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError):  # cut by a crash
        return UNKNOWN


def _dead(path: Path, found: Holder) -> bool:
    alive = found.process.alive()
    if alive is not None:
        return not alive
    line = (
        f"{path.parent} is locked by {found}; waiting up to {LIMIT:.0f} seconds to see "
        "whether it is alive"
    )
    print(as_message(line), file=sys.stderr, flush=True)
    return _silent(path, found)


def _silent(path: Path, found: Holder) -> bool:
    """Waits, and returns whether a remote owner did not touch its lock for `LIMIT`."""
    first, until = _touched(path), time.monotonic() + LIMIT
    while time.monotonic() < until:
        time.sleep(min(1.0, LIMIT / 10))
        if _token(path) != found.token:
            return True  # It was released or taken over: the caller looks again.
        if _touched(path) != first:
            return False
    return True


def _touched(path: Path) -> int | None:
    """Returns the modification time; opening the file refreshes the cache of NFS."""
    try:
        with path.open("rb") as file:
            return os.fstat(file.fileno()).st_mtime_ns
    except FileNotFoundError:
        return None


def _remove_dead(path: Path, found: Holder) -> None:
    """Deletes the lock of a dead owner unless another process has replaced it.

    A second, short-lived lock file ensures that one process at a time compares and
    deletes.
    """
    guard = _guard(path)
    mine = Holder(owner.current(), _now(), uuid.uuid4().hex)
    if not _create(guard, mine):
        other = read(guard)
        if other is not None and _dead(guard, other):
            guard.unlink(missing_ok=True)
        time.sleep(0.05)
        return
    try:
        if _token(path) == found.token:
            path.unlink(missing_ok=True)
    finally:
        guard.unlink(missing_ok=True)


def _remove_left(directory: Path) -> None:
    """Removes what processes left that died while they locked or wrote a file.

    Called by the owner. Others may only be looking at the lock of an earlier owner,
    which is gone, so that a guard may be removed without another one.
    """
    atomic.sweep(directory)
    guard = _guard(directory / LOCK)
    found = read(guard)
    if found is not None and found.process.alive() is False:
        guard.unlink(missing_ok=True)


def _guard(path: Path) -> Path:
    return path.with_name(f"{path.stem}-takeover{path.suffix}")


def _create(path: Path, holder: Holder) -> bool:
    """Creates a complete lock file; returns False if one exists already."""
    temporary = atomic.temporary_name(path)
    try:
        temporary.write_text(holder.to_json(), encoding="utf-8")
        try:
            os.link(temporary, path)
        except OSError as error:
            if error.errno in _NO_LINKS:
                return _create_alone(path, holder)
            # NFS may report a failure although the link exists; the link count tells.
            if os.stat(temporary).st_nlink != 2:
                if isinstance(error, FileExistsError):
                    return False
                raise
        return True
    finally:
        temporary.unlink(missing_ok=True)


def _create_alone(path: Path, holder: Holder) -> bool:
    """Creates a lock file exclusively, for file systems without hard links."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(holder.to_json())
    except FileExistsError:
        return False
    return True


def _token(path: Path) -> str | None:
    found = read(path)
    return None if found is None else found.token


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S %z")


def _make(directory: Path) -> list[Path]:
    """Creates a directory and its parents; returns the new ones, the deepest first."""
    missing = [p for p in (directory, *directory.parents) if not p.exists()]
    directory.mkdir(parents=True, exist_ok=True)
    return missing
