"""Sends good, bad and huge uploads to a server process, and watches its memory.

    python experiments/serve/load.py RUN --requests 2000 --clients 100

RUN is a run directory that `jaxseg train` has written. The script fails if a request
stays without an answer, if an upload gets a wrong status, or if the resident memory
grows by more than `--growth` MiB over its value before the requests.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import random
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

from clients import Load, kinds

from jaxseg.runs.provenance import commit, machine, versions

JAXSEG = str(pathlib.Path(sys.executable).with_name("jaxseg"))
SHARES = {
    "good": 60,
    "not an image": 12,
    "truncated": 12,
    "wrong field": 6,
    "bomb": 5,
    "huge": 5,
}
ALLOWED = {
    "good": {200, 429, 503},
    "not an image": {422, 429},
    "truncated": {422, 429, 503},
    "wrong field": {400, 429},
    "bomb": {413, 429},
    "huge": {413, 429},
}
MIB = 2**20


@contextlib.contextmanager
def server(run: str, *options: str) -> Iterator[tuple[subprocess.Popen, int]]:
    """Starts a server process, and yields the process and its port."""
    command = [JAXSEG, "serve", run, "--port", "0"]
    process = subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    try:
        for line in process.stdout:
            print(line, end="", flush=True)
            if found := re.match(r"serving at http://.*:(\d+)$", line):
                break
        yield process, int(found[1])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)


def resident(process: subprocess.Popen) -> int:
    """Returns the resident memory of a process in bytes."""
    text = pathlib.Path(f"/proc/{process.pid}/statm").read_text()
    return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Watch:
    """Measures the largest resident memory of a process while a block runs."""

    def __init__(self, process: subprocess.Popen) -> None:
        self._process, self._ends = process, threading.Event()
        self.peak = 0

    def __enter__(self) -> Watch:
        self._thread = threading.Thread(target=self._measure)
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._ends.set()
        self._thread.join()

    def _measure(self) -> None:
        while not self._ends.wait(0.05):
            self.peak = max(self.peak, resident(self._process))


def main() -> None:
    """Runs the load test and prints one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--growth", type=int, default=256, help="in MiB")
    parser.add_argument("--max-queue", type=int, default=64)
    parser.add_argument("--max-bytes", type=int, default=4 * MIB)
    options = parser.parse_args()
    requests = mixed(options.requests, options.max_bytes)
    limits = ("--max-bytes", str(options.max_bytes), "--warm-up", "96", "128")
    limits += ("--max-queue", str(options.max_queue), "--pad-multiple", "32")
    with server(options.run, *limits) as (process, port):
        Load(port, 4).send([each for each in requests if each[0] == "good"][:40])
        time.sleep(1)
        idle, load = resident(process), Load(port, options.clients)
        start = time.monotonic()
        with Watch(process) as watch:
            load.send(requests)
        seconds = time.monotonic() - start
        time.sleep(1)
        after = resident(process)
    found = {
        "requests": len(requests),
        "clients": options.clients,
        "seconds": round(seconds, 1),
        "median_answer_s": round(statistics.median(load.seconds), 2),
        "answers": {f"{kind}: {n}": c for (kind, n), c in sorted(load.answers.items())},
        "idle_mib": idle // MIB,
        "peak_mib": watch.peak // MIB,
        "after_mib": after // MIB,
        "bound_mib": idle // MIB + options.growth,
        "exit_status": process.returncode,
    }
    command = (
        f"python experiments/serve/load.py RUN --requests {len(requests)} "
        f"--clients {options.clients} --max-queue {options.max_queue}"
    )
    found |= {"commit": commit(short=True), "seed": 0, "versions": versions()}
    print(json.dumps({"command": command, **found, "hardware": machine()}))
    for (kind, status), reason in sorted(load.reasons.items()):
        print(f"{kind}: {status} {reason}", file=sys.stderr)
    check(load, len(requests))
    assert watch.peak <= idle + options.growth * MIB, "The memory grew too much."
    assert process.returncode == 128 + signal.SIGTERM


def mixed(count: int, max_bytes: int) -> list[tuple[str, bytes, dict[str, str]]]:
    """Returns requests of all kinds in random order."""
    bodies, rng = kinds(max_bytes), random.Random(0)
    names = [
        name for name, share in SHARES.items() for _ in range(count * share // 100)
    ]
    names += ["good"] * (count - len(names))
    rng.shuffle(names)
    return [(name, *rng.choice(bodies[name])) for name in names]


def check(load: Load, count: int) -> None:
    """Checks that each request has an answer with an allowed status and a reason."""
    assert sum(load.answers.values()) == count
    for (kind, status), number in load.answers.items():
        assert status in ALLOWED[kind], (kind, status, number, load.reasons)
        assert status == 200 or load.reasons[kind, status], (kind, status)


if __name__ == "__main__":
    main()
