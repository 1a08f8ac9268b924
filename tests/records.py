"""Writes a line of JSON for every table over names that ran: the mark `sweep`."""

import collections
import datetime
import importlib.metadata
import json
import pathlib
import platform
import subprocess
import sys

import jax

VERSIONS = ("jax", "jaxlib", "flax", "optax", "numpy", "torch")


def table_lines(reports) -> list[dict]:
    """Returns one record per test function that has cases of the mark `sweep`.

    Args:
        reports: the reports of pytest, of any phase.
    """
    tables = collections.defaultdict(list)
    for report in reports:
        tables[report.nodeid.partition("[")[0]].append(report)
    return [
        {"table": name, **_counts(cases), **_where()}
        for name, cases in sorted(tables.items())
        if any("sweep" in case.keywords for case in cases)
    ]


def append(path: str, lines: list[dict]) -> None:
    """Appends the records to a file, one line each."""
    with pathlib.Path(path).open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


def _counts(cases) -> dict:
    passed = [case for case in cases if case.when == "call" and case.passed]
    failed = {case.nodeid.partition("[")[2][:-1] for case in cases if case.failed}
    skipped = [case for case in cases if case.skipped]
    compared = [row for case in passed for row in _parity(case)]
    return {
        "passed": len(passed),
        "failed": sorted(failed),
        "skipped": len(skipped),
        "seconds": round(sum(case.duration for case in cases), 1),
    } | ({"largest": {f"{s}: {n}": d for s, n, d in compared}} if compared else {})


def _parity(case):
    return [row for name, row in case.user_properties if name == "parity"]


def _where() -> dict:
    git = ["git", "-C", str(pathlib.Path(__file__).parent), "rev-parse", "HEAD"]
    found = subprocess.run(git, capture_output=True, text=True, check=False)
    return {
        "commit": found.stdout.strip() or None,
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": {name: _version(name) for name in VERSIONS},
        "hardware": f"{platform.machine()}, {jax.default_backend()}",
        "command": " ".join(["pytest", *sys.argv[1:]]),
    }


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
