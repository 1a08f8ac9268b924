"""Tests that damaged files give arrays or a one-line error within their limits."""

import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
COUNT = 2_400
DIRECTORIES = 80


def fuzz(*given):
    """Runs `fuzz.py`, which a signal ends when it exceeds a limit."""
    script = pathlib.Path(__file__).with_name("fuzz.py")
    run = subprocess.run(
        [sys.executable, script, *given],
        env={"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.stdout, f"a file ended the process: {run.stderr[-300:]}"
    result = json.loads(run.stdout)
    assert result["faults"] == []
    return result


@pytest.mark.slow
def test_damaged_files_give_arrays_or_one_line():
    """The first files of seed 0; `fuzz.py` takes other seeds and larger counts."""
    result = fuzz("--seed", "0", "--count", str(COUNT))
    assert sum(sum(kinds.values()) for kinds in result["tally"].values()) == COUNT
    assert len(result["tally"]) == 6
    for kinds in result["tally"].values():
        assert kinds["read"] > 10 and kinds["refused"] > 100


@pytest.mark.slow
def test_damaged_orbax_directories_give_arrays_or_one_line():
    result = fuzz("--seed", "0", "--directories", str(DIRECTORIES))
    assert sum(result["tally"].values()) == DIRECTORIES
    assert min(result["tally"].values()) > 10
    assert result["grown_mib"] < 400
