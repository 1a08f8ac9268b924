"""One process at a time owns a run directory.

`lock.json` names the owner's host, process and start. It is created by a hard link,
which succeeds for one process alone on local and on network file systems. It expires
when its owner dies:

* On the same host the system is asked whether the process still runs, so a killed run
  never blocks the next start.
* From another host the owner cannot be seen. It touches the file every `BEAT` seconds;
  whoever finds the file untouched for `LIMIT` seconds takes over. The newcomer measures
  that time on its own clock, so the clocks of two hosts need not agree.

A process that was taken for dead, such as a suspended virtual machine, finds another
name in the file and stops before it writes again: see `Lock.check`.

Commands that only read a run (`eval`, `predict`, `convert`) need no lock. What they
read is replaced in one step, or gets its final name only when it is complete.
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

LOCK = "lock.json"
BEAT = 5.0  # seconds between two signs of life
LIMIT = 30.0  # seconds without one, after which an owner on another host is dead
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class RunInUse(OSError):
    """Another process owns the run directory."""


@dataclasses.dataclass(frozen=True)
class Holder:
    """What a lock file says.

    Attributes:
      process: The owner.
      since: When it locked the directory, as local time with its zone.
      token: Unique for each locking.
    """

    process: owner.Owner
    since: str
    token: str

    def __str__(self) -> str:
        return f"process {self.process.pid} on {self.process.host} since {self.since}"

    def to_json(self) -> str:
        """The content of the file."""
        return json.dumps(dataclasses.asdict(self), indent=1) + "\n"


UNKNOWN = Holder(owner.Owner("an unknown host", "?", 0, ""), "an unknown time", "")


class Lock:
    """A held lock; `holding` makes one."""

    def __init__(self, path: Path, holder: Holder) -> None:
        self.path = path
        self.holder = holder
        self.taken_by: Holder | None = None
        self._released = threading.Event()
        name = f"lock of {path.parent}"
        self._thread = threading.Thread(target=self._beat, name=name, daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raises RunInUse when another process has taken over the directory."""
        if self.taken_by is not None:
            raise RunInUse(
                f"{self.path.parent} was taken over by {self.taken_by}, because this "
                f"process gave no sign of life for {LIMIT:.0f} seconds; it stops "
                "without writing"
            )

    def release(self) -> None:
        """Ends the signs of life and removes the file if it is still ours."""
        self._released.set()
        self._thread.join()
        if _token(self.path) == self.holder.token:
            self.path.unlink(missing_ok=True)

    def _beat(self) -> None:
        while not self._released.wait(BEAT):
            with contextlib.suppress(OSError):  # the file system may be away a while
                self._sign()

    def _sign(self) -> None:
        found = read(self.path)
        if found is None:  # removed by hand
            found = self.holder if _create(self.path, self.holder) else read(self.path)
        if found is not None and found.token not in ("", self.holder.token):
            self.taken_by = found
        elif self.taken_by is None:
            os.utime(self.path)


@contextlib.contextmanager
def holding(workdir: str | Path) -> Iterator[Lock]:
    """Owns a run directory for the time of the block.

    Creates the directory when it is missing, and removes it at the end if it is still
    empty: a start that is refused leaves nothing. Removes the temporary files that
    killed processes left in it.

    Args:
      workdir: The run directory, in a file system that all hosts share.

    Yields:
      The lock, whose `check` tells whether the directory is still ours.

    Raises:
      RunInUse: When another process owns the directory; it names host, process
        number and time.
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
            with contextlib.suppress(OSError):  # not empty: something was written
                folder.rmdir()


def acquire(path: Path) -> Lock:
    """Creates the lock file, or takes it over from a dead owner.

    Raises:
      RunInUse: When the owner lives.
    """
    holder = Holder(owner.current(), _now(), uuid.uuid4().hex)
    while not _create(path, holder):
        found = read(path)
        if found is None:
            continue  # it was released just now
        if not _dead(path, found):
            raise RunInUse(
                f"{path.parent} is in use by {found}; wait until it ends, or choose "
                "another --workdir"
            )
        _remove_dead(path, found)
    return Lock(path, holder)


def read(path: Path) -> Holder | None:
    """Who holds a lock; None when nobody does."""
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
    print(
        f"{path.parent} is locked by {found}; waiting up to {LIMIT:.0f} seconds for a "
        "sign of life",
        file=sys.stderr,
        flush=True,
    )
    return _silent(path, found)


def _silent(path: Path, found: Holder) -> bool:
    """Whether an owner that cannot be seen gives no sign of life for `LIMIT`."""
    first, until = _touched(path), time.monotonic() + LIMIT
    while time.monotonic() < until:
        time.sleep(min(1.0, LIMIT / 10))
        if _token(path) != found.token:
            return True  # it was released, or somebody else was faster: look again
        if _touched(path) != first:
            return False
    return True


def _touched(path: Path) -> int | None:
    """When the file was last touched. It is opened, because that renews NFS's cache."""
    try:
        with path.open("rb") as file:
            return os.fstat(file.fileno()).st_mtime_ns
    except FileNotFoundError:
        return None


def _remove_dead(path: Path, found: Holder) -> None:
    """Removes a dead owner's lock unless somebody else replaced it meanwhile.

    A second lock file, held for moments, lets one process at a time look and remove.
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
    """Creates a lock file whole; False when it exists."""
    temporary = atomic.temporary_name(path)
    try:
        temporary.write_text(holder.to_json(), encoding="utf-8")
        try:
            os.link(temporary, path)
        except OSError as error:
            if error.errno in _NO_LINKS:
                return _create_alone(path, holder)
            # When NFS loses an answer it reports a failure; the count tells the truth.
            if os.stat(temporary).st_nlink != 2:
                if isinstance(error, FileExistsError):
                    return False
                raise
        return True
    finally:
        temporary.unlink(missing_ok=True)


def _create_alone(path: Path, holder: Holder) -> bool:
    """For file systems without hard links; creation is exclusive there too."""
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
    """Makes a directory and those above; returns the new ones, the deepest first."""
    missing = [p for p in (directory, *directory.parents) if not p.exists()]
    directory.mkdir(parents=True, exist_ok=True)
    return missing
