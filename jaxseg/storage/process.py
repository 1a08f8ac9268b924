"""Which process something belongs to, and whether that process is still alive."""

from __future__ import annotations

import dataclasses
import functools
import os
import socket
import subprocess
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Owner:
    """A process, told apart from every other one on every host.

    Attributes:
      host: The host's name, for people.
      machine: This boot of the host and its process namespace; empty when unknown.
        Two processes can see each other's number only when this is equal.
      pid: The process number.
      start: When the process started, in the system's own form; empty when unknown.
        It tells a new process apart from an old one with the same number.
    """

    host: str
    machine: str
    pid: int
    start: str

    def alive(self) -> bool | None:
        """Whether the process runs; None when that cannot be seen from here."""
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
    """This process."""
    return _owner(os.getpid())


@functools.lru_cache(maxsize=2)  # a forked child has another number
def _owner(pid: int) -> Owner:
    return Owner(socket.gethostname(), _machine(), pid, start_of(pid))


def start_of(pid: int) -> str:
    """When a process started, as the system writes it; empty when unknown."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
        return text.rpartition(")")[2].split()[19]  # clock ticks since the boot
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
    except OSError:  # it belongs to another user
        return True
    return not _zombie(pid)


def _zombie(pid: int) -> bool:
    """Whether a process has ended and only waits for its parent to notice."""
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
