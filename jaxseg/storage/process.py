"""Identifies processes and checks whether they still run."""

from __future__ import annotations

import dataclasses
import functools
import os
import socket
import subprocess
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Owner:
    """Identifies a process among all processes on all hosts.

    Attributes:
      host: The name of the host, for messages.
      machine: The identifiers of the current boot of the host and of the process
        namespace, or "" if they are unknown. Only processes with equal values of this
        field can check whether the other one runs.
      pid: The process number.
      start: The start time of the process in the format of the operating system, or ""
        if it is unknown. It distinguishes two processes that have had the same number
        at different times.
    """

    host: str
    machine: str
    pid: int
    start: str

    def alive(self) -> bool | None:
        """Returns whether the process still runs, or None if this cannot be determined.

        It cannot be determined for a process in another host or process namespace.
        """
        here = current()
        if not self.machine:
            same = self.host == here.host
        else:
            same = (self.host, self.machine) == (here.host, here.machine)
        if not same:
            return None
        if not _exists(self.pid):
            return False
        return not self.start or start_of(self.pid) in ("", self.start)


def current() -> Owner:
    """Returns the `Owner` that identifies this process among those of all hosts."""
    return _owner(os.getpid())


@functools.lru_cache(maxsize=2)  # A forked child has another number.
def _owner(pid: int) -> Owner:
    return Owner(socket.gethostname(), machine=_machine(), pid=pid, start=start_of(pid))


def start_of(pid: int) -> str:
    """Returns the start time of a process in the format of the operating system.

    Args:
      pid: The process number.

    Returns:
      The time, or "" if it is unknown.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
        return text.rpartition(")")[2].split()[19]  # Clock ticks since the boot.
    except (OSError, IndexError):
        pass
    try:
        command = ["ps", "-o", "lstart=", "-p", str(pid)]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return " ".join(found.stdout.split())


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # The process belongs to another user.
        return True
    return not _zombie(pid)


def _zombie(pid: int) -> bool:
    """Returns whether a process has ended and waits for its parent to notice."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[:1] == ["Z"]


def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""
