"""The processes of a command that is killed."""

import contextlib
import dataclasses
import os
import select
import signal
import subprocess
import threading
import time
from pathlib import Path

PATIENCE = 300.0  # seconds until a command counts as hung


@dataclasses.dataclass
class Started:
    """The processes of one start of a command, each the leader of its own group."""

    processes: list[subprocess.Popen]
    log: Path
    closing: threading.Event  # asks for the end of the terminal
    orphans: int = 0  # groups that outlived their leader, which then were killed

    def ended(self) -> bool:
        """Whether any process has ended."""
        return any(process.poll() is not None for process in self.processes)

    def send(self, name: str, victim: int) -> None:
        """Sends a signal to the group of one process, or closes the terminal."""
        if name == "terminal":
            self.closing.set()
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.processes[victim].pid, getattr(signal, name))

    def statuses(self, seconds: float) -> list[int]:
        """Waits for all processes; those that do not end in time are killed."""
        end = time.monotonic() + seconds
        for process in self.processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, end - time.monotonic()))
        late = [p for p in self.processes if p.poll() is None]
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
                self.orphans += process.poll() is not None
            process.wait()
        self.closing.set()
        if late and seconds == PATIENCE:
            raise TimeoutError(f"no end within {seconds} seconds: see {self.log}")
        return [process.returncode for process in self.processes]


def show(terminal: int, closing: threading.Event) -> None:
    """Reads what a terminal shows until it is to be closed, and closes it."""
    with contextlib.suppress(OSError):  # the program has ended
        while not closing.is_set():
            if select.select([terminal], [], [], 0.02)[0]:
                os.read(terminal, 65536)
    os.close(terminal)
