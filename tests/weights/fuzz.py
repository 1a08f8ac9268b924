"""Reads hostile weight files under a limit of time and of memory for each.

    python tests/weights/fuzz.py --seed 1 --count 100000
    python tests/weights/fuzz.py --seed 1 --directories 5000
    python tests/weights/fuzz.py --files a.pth b.npz

Every file must give a tree of arrays or a ValueError of one line that names the file.
Prints one line of JSON for the whole campaign, or one for each of the files; exit
status 1 when a file broke the rule. A file that takes too long ends the process by
SIGALRM, after its name was printed to standard error. test_fuzz.py and test_hostile.py
run short forms.
"""

import argparse
import collections
import json
import os
import pathlib
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from jaxseg import weights
from jaxseg.weights.formats.opaque import Unread
from jaxseg.weights.formats.pickle_program import Storage

SECONDS = 2.0  # for each file, and ...
SECONDS_PER_BYTE = 8e-6
BYTES = 200 << 20  # for each file, and ...
BYTES_PER_BYTE = 300
DIRECTORY_SECONDS = 15.0  # for each Orbax directory, whose reader has many threads ...
DIRECTORY_BYTES = 2 << 30  # ... which reserve addresses that they do not use
_PLAIN = (str, bytes, int, float, bool, type(None), Unread, Storage)
PAGE = resource.getpagesize()


def read(path: str) -> dict[str, Any]:
    """Reads one file under the limits and reports the result."""
    if os.path.isdir(path):
        _set_limits(DIRECTORY_SECONDS, DIRECTORY_BYTES)
    else:
        size = os.path.getsize(path)
        _set_limits(SECONDS + SECONDS_PER_BYTE * size, BYTES + BYTES_PER_BYTE * size)
    start = time.monotonic()
    try:
        count = _check(weights.read(path))
        result = {"arrays": count, "error": None, "fault": None}
    except ValueError as error:
        text = str(error)
        result = {"arrays": 0, "error": text, "fault": _fault(path, text)}
    except Exception as error:
        fault = f"{type(error).__name__}: {error}"
        result = {"arrays": 0, "error": None, "fault": fault[:300]}
    result["seconds"] = round(time.monotonic() - start, 3)
    signal.setitimer(signal.ITIMER_REAL, 0)
    return result


def _set_limits(seconds: float, more: int) -> None:
    """Time by a signal that ends the process, even inside a library; memory by the OS."""
    used = int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * PAGE
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + more, most))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _check(tree: Any) -> int:
    """Reads every array of a tree to its last byte and returns their number."""
    count, stack = 0, [tree]
    while stack:
        value = stack.pop()
        if isinstance(value, np.ndarray):
            count += 1
            if value.nbytes < 1 << 24:
                value.tobytes()
        elif isinstance(value, dict | list | tuple):
            stack += value.values() if isinstance(value, dict) else value
        elif not isinstance(value, _PLAIN):
            raise TypeError(f"the tree holds a {type(value)}")
    return count


def _fault(path: str, text: str) -> str | None:
    """Returns what is wrong with an error message, or None."""
    if not text.startswith(path):
        return f"the message does not name the file: {text[:300]}"
    return None if text.isprintable() and len(text) < 2_000 else f"not a line: {text!r}"


def campaign(seed: int, count: int) -> dict[str, Any]:
    """Reads `count` mutants of a seed and counts the results of each kind."""
    from mutations import mutants  # beside this file

    tally: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
    faults, slowest = [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        for number, mutant in zip(range(count), mutants(seed), strict=False):
            path = os.path.join(folder, f"a{mutant.suffix}")
            pathlib.Path(path).write_bytes(mutant.data)
            name = f"seed {seed}, number {number}: {mutant.format}, {mutant.change}"
            print(name, file=sys.stderr)
            result = read(path)
            kind = "refused" if result["error"] else "read"
            tally[mutant.format][kind] += 1
            slowest = max(slowest, result["seconds"])
            if result["fault"]:
                faults.append(f"{name}: {result['fault']}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    return {"tally": tally, "slowest": slowest, "peak_mib": peak, "faults": faults}


def directories(seed: int, count: int) -> dict[str, Any]:
    """Reads `count` damaged Orbax directories, as `campaign` does files."""
    import random

    import orbax_mutations as mutations  # beside this file

    draw, tally = random.Random(seed), collections.Counter()
    faults, slowest = [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        original = mutations.whole(pathlib.Path(folder, "whole"))
        damaged = pathlib.Path(folder, "damaged")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        for number in range(count):
            mutations.restore(damaged, original)
            name = f"seed {seed}, number {number}: {mutations.mutate(draw, damaged)}"
            print(name, file=sys.stderr)
            result = read(str(damaged))
            tally["refused" if result["error"] else "read"] += 1
            slowest = max(slowest, result["seconds"])
            if result["fault"]:
                faults.append(f"{name}: {result['fault']}")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10) - before
    return {"tally": tally, "slowest": slowest, "grown_mib": grown, "faults": faults}


def main(arguments: Iterable[str] | None = None) -> int:
    """Runs a campaign, or reads files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=2_400)
    parser.add_argument("--directories", type=int, default=0)
    parser.add_argument("--files", nargs="+", default=[])
    options = parser.parse_args(arguments)
    if not options.files:
        if options.directories:
            result = directories(options.seed, options.directories)
        else:
            result = campaign(options.seed, options.count)
        print(json.dumps(result))
        return int(bool(result["faults"]))
    faults = 0
    for path in options.files:
        print(path, file=sys.stderr, flush=True)
        result = read(path)
        faults += result["fault"] is not None
        print(json.dumps({"path": path} | result), flush=True)
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
