"""Starts of `jaxseg` in processes that do not import it again.

    python tests/faults/forks.py       the server, which reads requests as JSON lines

Imports take most of the time of a short run. JAX starts its threads when it is first
used, so that a process that has only imported it can fork.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).parents[2]
MODULES = ("jaxseg.cli.train", "tensorboardX")


class Fork:
    """A started process, with the methods of `subprocess.Popen` that tests use."""

    def __init__(self, ask, pid: int, output: pathlib.Path):
        self._ask, self._output = ask, output
        self.pid, self.returncode = pid, None

    def poll(self) -> int | None:
        """The exit status, or minus the number of a signal; None while it runs."""
        if self.returncode is None:
            self.returncode = self._ask(poll=self.pid)
        return self.returncode

    def communicate(self, timeout: float) -> tuple[str, None]:
        """Waits for the end, and returns what the process has printed."""
        end = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > end:
                self.kill()
                raise TimeoutError(self._output.read_text())
            time.sleep(0.02)
        return self._output.read_text(), None

    def send_signal(self, number: int) -> None:
        """Sends a signal unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Sends SIGKILL unless the process has ended."""
        self.send_signal(signal.SIGKILL)


class Forks:
    """The process that forks; its environment is that of all processes."""

    def __init__(self, environment: dict[str, str], folder: pathlib.Path):
        self._folder, self._count = folder, 0
        paths = [str(ROOT), *filter(None, [environment.get("PYTHONPATH")])]
        self._server = subprocess.Popen(
            [sys.executable, __file__],
            env=environment | {"PYTHONPATH": os.pathsep.join(paths)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, *words: str, devices: int = 1) -> Fork:
        """Starts `jaxseg` with these words in a process with CPU devices."""
        self._count += 1
        output = self._folder / f"{self._count}.txt"
        pid = self._ask(words=words, output=str(output), devices=devices)
        return Fork(self._ask, pid, output)

    def close(self) -> None:
        """Ends the server."""
        self._server.stdin.close()
        self._server.wait()

    def _ask(self, **request):
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        return json.loads(self._server.stdout.readline())


def serve() -> None:
    """Answers requests until the input ends; returns in the forked processes too."""
    import importlib

    import jax

    from jaxseg.cli.main import main

    for name in MODULES:
        importlib.import_module(name)
    while line := sys.stdin.readline():
        request = json.loads(line)
        if "poll" in request:
            pid, status = os.waitpid(request["poll"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        elif not (answer := os.fork()):
            with open(request["output"], "w") as output, open(os.devnull) as nothing:
                os.dup2(nothing.fileno(), 0)
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
            jax.config.update("jax_num_cpu_devices", request["devices"])
            sys.exit(main(request["words"]))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve()
