"""Gathers all processes of a run at the coordinator's port before JAX connects them.

`jax.distributed` waits silently and cannot report why processes are missing. Here,
process 0 first listens on the port, and every other process sends its index. Each
process can then report how many processes are missing. Duplicate indices and different
process counts are reported at once. When all processes have connected, the port is
released for JAX.

A message is one line of JSON. Processes send `{"id", "processes", "host", "pid"}` to
process 0. Process 0 sends `{"missing": [ids]}` periodically, and `{"go": true}` or
`{"error": text}` at the end.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

from jaxseg.text import counted, printable

FIRST, EVERY = 3.0, 15.0  # seconds until the first notice, and between two
RETRY = 0.5  # seconds between two attempts to reach process 0
PATIENCE = 1800.0  # seconds; some hosts take longer to prepare
LONGEST = 4096  # bytes of a message; longer ones come from other programs
SHOWN = 8  # the largest number of missing processes in a notice


@dataclasses.dataclass(frozen=True)
class Member:
    """Contains the index, process count, host and PID that a process sends."""

    id: int
    processes: int
    host: str
    pid: int

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


class Notice:
    """Reports periodically on standard error which processes are missing."""

    def __init__(self, coordinator: str, processes: int) -> None:
        self.coordinator = coordinator
        self.processes = processes
        self.missing: list[int] | None = None  # None while unknown
        self._start = time.monotonic()
        self._next = self._start + FIRST

    def due(self) -> bool:
        """Prints which processes are missing, but at most every `EVERY` seconds.

        Returns:
          Whether a line was printed.

        Raises:
          ValueError: If processes are still missing after `PATIENCE` seconds.
        """
        now = time.monotonic()
        if now > self._start + PATIENCE:
            raise ValueError(
                f"this process stopped {self.text()} after {PATIENCE / 60:.0f} "
                "minutes. Start all processes with the same --coordinator and "
                "--processes."
            )
        if now < self._next:
            return False
        self._next = now + EVERY
        print(f"jaxseg: {printable(self.text())}", file=sys.stderr, flush=True)
        return True

    def text(self) -> str:
        """Returns a text that says which processes this process is waiting for."""
        if self.missing is None:
            return f"waiting for process 0 at {self.coordinator}"
        ids = ", ".join(map(str, self.missing[:SHOWN]))
        ids += ", ..." if len(self.missing) > SHOWN else ""
        processes = counted(self.processes, "process", "processes")
        return (
            f"waiting for {len(self.missing)} of {processes} at "
            f"{self.coordinator} (missing: {ids})"
        )


def wait_for_all(coordinator: str, processes: int, process_id: int) -> None:
    """Waits until all processes of a run have connected, and reports the missing ones.

    Args:
      coordinator: The host:port of process 0, the same for all processes.
      processes: The number of processes.
      process_id: The index of this process, from 0.

    Raises:
      ValueError: If the port is in use, an index is used twice, the process counts
        differ, or not all processes arrive within `PATIENCE` seconds.
    """
    host, _, port = coordinator.rpartition(":")
    notice = Notice(coordinator, processes)
    me = Member(
        process_id, processes=processes, host=socket.gethostname(), pid=os.getpid()
    )
    if process_id == 0:
        bind = os.environ.get("JAX_COORDINATOR_BIND_ADDRESS", coordinator)
        with listening(int(bind.rpartition(":")[2])) as server:
            Leader(server, me, notice).gather()
    else:
        while not _introduce(host.strip("[]"), port=int(port), me=me, notice=notice):
            notice.due()
            time.sleep(RETRY)


@contextlib.contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    """Returns a context manager that opens a socket to listen on a port.

    Raises:
      ValueError: If the port is in use or not permitted.
    """
    family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
    try:
        server = socket.create_server(
            ("", port),
            family=family,
            backlog=1024,
            dualstack_ipv6=family == socket.AF_INET6,
        )
    except OSError as error:
        raise ValueError(
            f"port={port} is invalid: expected a free port of this machine "
            f"({os.strerror(error.errno or 0)}). Another program uses it, or process 0 "
            "was started twice. Choose another port in --coordinator."
        ) from error
    with server:
        yield server


class Leader:
    """Accepts the connections of all other processes of a run, in process 0."""

    def __init__(self, server: socket.socket, me: Member, notice: Notice) -> None:
        self._server = server
        self._me = me
        self._notice = notice
        # The connections that have sent no complete message.
        self._unread: dict[socket.socket, bytes] = {}
        self._members: dict[socket.socket, Member] = {}

    def gather(self) -> None:
        """Waits until all other processes have connected, then tells them to go on."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._server, selectors.EVENT_READ)
            try:
                self._wait(selector)
                self._tell({"go": True})
            finally:
                for connection in (*self._unread, *self._members):
                    connection.close()

    def _wait(self, selector: selectors.BaseSelector) -> None:
        everybody = range(1, self._me.processes)
        while len(self._members) < len(everybody):
            for key, _ in selector.select(timeout=RETRY):
                ready: Any = key.fileobj
                if ready is self._server:
                    connection, _ = self._server.accept()
                    connection.setblocking(False)
                    self._unread[connection] = b""
                    selector.register(connection, selectors.EVENT_READ)
                elif not self._read(ready):
                    selector.unregister(ready)
                    ready.close()
            here = {member.id for member in self._members.values()}
            self._notice.missing = [i for i in everybody if i not in here]
            if self._notice.missing and self._notice.due():
                self._tell({"missing": self._notice.missing})

    def _read(self, connection: socket.socket) -> bool:
        """Reads a message; returns False when the connection is closed."""
        try:
            data = connection.recv(LONGEST)
        except OSError:
            data = b""
        unread = self._unread.pop(connection, None)
        if (
            not data or unread is None
        ):  # It is closed, or it sends more than one message.
            self._members.pop(connection, None)
            return False
        line, end, _ = (unread + data).partition(b"\n")
        if not end:
            self._unread[connection] = line
            return len(line) < LONGEST
        member = _member(line)
        if member is None:
            return False
        error = self._objection(member)
        if error:
            _send(connection, {"error": error})
            return False
        self._members[connection] = member
        return True

    def _objection(self, new: Member) -> str:
        """Returns why a process cannot take part, or empty text."""
        if new.processes != self._me.processes:
            return (
                f"processes={new.processes} is invalid: expected {self._me.processes}, "
                f"as for process 0 ({self._me}). Give all the same --processes."
            )
        for member in (self._me, *self._members.values()):
            if member.id == new.id:
                return (
                    f"process_id={new.id} is invalid: {member} uses it already. Give "
                    f"each process its own --process-id from 0 to {new.processes - 1}."
                )
        return ""

    def _tell(self, message: dict[str, Any]) -> None:
        for connection in self._members:
            _send(connection, message)


def _introduce(host: str, port: int, me: Member, notice: Notice) -> bool:
    """Connects to process 0 and waits; returns False if it must be tried again."""
    try:
        connection = socket.create_connection((host, port), timeout=RETRY * 4)
    except OSError:
        notice.missing = None
        return False
    with connection:
        _send(connection, dataclasses.asdict(me))
        for line in _lines(connection, notice):
            answer = _parsed(line)
            if "error" in answer:
                raise ValueError(printable(answer["error"], limit=1000))
            if "go" in answer:
                return True
            if "missing" not in answer:
                raise ValueError(
                    f"coordinator={notice.coordinator!r} is invalid: expected process "
                    "0 of this run, but another program or a run that has already "
                    "started answers there. Choose another port in --coordinator."
                )
            notice.missing = answer["missing"]
    return False


def _lines(connection: socket.socket, notice: Notice) -> Iterator[bytes]:
    """Yields the messages of process 0, and prints notices while it waits."""
    connection.settimeout(RETRY)
    unread = b""
    while True:
        try:
            data = connection.recv(LONGEST)
        except TimeoutError:
            notice.due()
            continue
        except OSError:
            data = b""
        *lines, unread = (unread + data).split(b"\n")
        yield from lines
        if not data or len(unread) > LONGEST:
            if unread:  # Process 0 never sends a partial line.
                yield unread
            return


def _member(line: bytes) -> Member | None:
    """Parses an introduction; returns None if another program sent it."""
    fields = _parsed(line)
    try:
        return Member(int(fields["id"]), int(fields["processes"]), **_who(fields))
    except (KeyError, TypeError, ValueError):
        return None


def _who(fields: dict[str, Any]) -> dict[str, Any]:
    return {"host": str(fields["host"])[:100], "pid": int(fields["pid"])}


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _send(connection: socket.socket, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # It is closed; the next read reports that.
        connection.sendall(json.dumps(message).encode() + b"\n")
