"""All processes of a run meet at the coordinator's port before jax connects them.

`jax.distributed` waits without a word, and cannot tell why nobody comes. Here process 0
listens first and every other process says who it is. So each of them can say how many
are missing, and a number that is given twice or different counts are explained at once.
When all are there, the port is free again for jax.

A message is one line of JSON. To process 0: `{"id", "processes", "host", "pid"}`; from
process 0: `{"missing": [ids]}` from time to time, and `{"go": true}` or
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
PATIENCE = 1800.0  # seconds; preparing a host may take that much longer than another
LONGEST = 4096  # bytes of a message; whoever sends more is another program
SHOWN = 8  # missing processes named in a notice


@dataclasses.dataclass(frozen=True)
class Member:
    """One process of a run as it introduces itself."""

    id: int
    processes: int
    host: str
    pid: int

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


class Notice:
    """Says on standard error, from time to time, what is being waited for."""

    def __init__(self, coordinator: str, processes: int) -> None:
        self.coordinator = coordinator
        self.processes = processes
        self.missing: list[int] | None = None  # not known yet
        self._start = time.monotonic()
        self._next = self._start + FIRST

    def due(self) -> bool:
        """Prints a line if it is time for one.

        Raises:
          ValueError: When the processes have not met within `PATIENCE`.
        """
        now = time.monotonic()
        if now > self._start + PATIENCE:
            raise ValueError(
                f"gave up {self.text()} after {PATIENCE / 60:.0f} minutes; start all "
                "processes with the same --coordinator and --processes"
            )
        if now < self._next:
            return False
        self._next = now + EVERY
        print(f"jaxseg: {printable(self.text())}", file=sys.stderr, flush=True)
        return True

    def text(self) -> str:
        """What is being waited for."""
        if self.missing is None:
            return f"waiting for process 0 at {self.coordinator}"
        ids = ", ".join(map(str, self.missing[:SHOWN]))
        ids += ", ..." if len(self.missing) > SHOWN else ""
        processes = counted(self.processes, "process", "processes")
        return (
            f"waiting for {len(self.missing)} of {processes} at "
            f"{self.coordinator} (missing: {ids})"
        )


def meet(coordinator: str, processes: int, process_id: int) -> None:
    """Waits until all processes of a run have come, and says so while it waits.

    Args:
      coordinator: host:port of process 0, the same for all.
      processes: how many there are.
      process_id: which of them this is, from 0.

    Raises:
      ValueError: When the port is in use, a number is given twice, counts differ, or
        not all come within `PATIENCE`.
    """
    host, _, port = coordinator.rpartition(":")
    notice = Notice(coordinator, processes)
    me = Member(process_id, processes, socket.gethostname(), os.getpid())
    if process_id == 0:
        bind = os.environ.get("JAX_COORDINATOR_BIND_ADDRESS", coordinator)
        with listening(int(bind.rpartition(":")[2])) as server:
            Leader(server, me, notice).gather()
    else:
        while not _introduce(host.strip("[]"), int(port), me, notice):
            notice.due()
            time.sleep(RETRY)


@contextlib.contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    """A socket that listens on a port of this machine, on all of its addresses.

    Raises:
      ValueError: When the port is in use or must not be used.
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
            f"port {port} of this machine cannot be used "
            f"({os.strerror(error.errno)}): another program listens there, or process "
            "0 was started twice; choose another port in --coordinator"
        ) from error
    with server:
        yield server


class Leader:
    """Process 0, which everybody comes to."""

    def __init__(self, server: socket.socket, me: Member, notice: Notice) -> None:
        self._server = server
        self._me = me
        self._notice = notice
        self._unread: dict[socket.socket, bytes] = {}  # of those who said nothing yet
        self._members: dict[socket.socket, Member] = {}

    def gather(self) -> None:
        """Returns when all others have come; they return at the same time."""
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
                if key.fileobj is self._server:
                    connection, _ = self._server.accept()
                    connection.setblocking(False)
                    self._unread[connection] = b""
                    selector.register(connection, selectors.EVENT_READ)
                elif not self._read(key.fileobj):
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
            here = {member.id for member in self._members.values()}
            self._notice.missing = [i for i in everybody if i not in here]
            if self._notice.missing and self._notice.due():
                self._tell({"missing": self._notice.missing})

    def _read(self, connection: socket.socket) -> bool:
        """Takes what somebody sent; False when the connection is over."""
        try:
            data = connection.recv(LONGEST)
        except OSError:
            data = b""
        unread = self._unread.pop(connection, None)
        if not data or unread is None:  # gone, or it talks out of turn
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
        """Why somebody cannot take part; empty when nothing is wrong."""
        if new.processes != self._me.processes:
            return (
                f"processes is {new.processes} here, but {self._me.processes} for "
                f"process 0 ({self._me}); give all the same --processes"
            )
        for member in (self._me, *self._members.values()):
            if member.id == new.id:
                return (
                    f"process_id {new.id} is taken by {member}; give each process its "
                    f"own --process-id from 0 to {new.processes - 1}"
                )
        return ""

    def _tell(self, message: dict[str, Any]) -> None:
        for connection in self._members:
            _send(connection, message)


def _introduce(host: str, port: int, me: Member, notice: Notice) -> bool:
    """Goes to process 0 and waits there; False when it must be tried again."""
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
                    f"another program answers at {notice.coordinator}, or the run is "
                    "already going on there; choose another port in --coordinator"
                )
            notice.missing = answer["missing"]
    return False


def _lines(connection: socket.socket, notice: Notice) -> Iterator[bytes]:
    """What process 0 sends; notices are printed while nothing comes."""
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
            if unread:  # which no process 0 sends
                yield unread
            return


def _member(line: bytes) -> Member | None:
    """Who introduces itself by a message; None for another program."""
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
    with contextlib.suppress(OSError):  # it is gone: reading will tell
        connection.sendall(json.dumps(message).encode() + b"\n")
