"""Hostile and damaged weight files: each is read or refused within its limits.

All files are read by one child process (see `fuzz.py`), which a file that hangs or
crashes the reader would end.
"""

import json
import pathlib
import re
import subprocess
import sys

import pytest
from hostile_rows import READ, ROWS

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Returns what one limited process reports about each file."""
    folder, names = tmp_path_factory.mktemp("hostile"), {}
    for number, (name, (suffix, content, _)) in enumerate(ROWS.items()):
        path = folder / f"{number}{suffix}"
        path.write_bytes(content)
        names[str(path)] = name
    script = pathlib.Path(__file__).with_name("fuzz.py")
    run = subprocess.run(
        [sys.executable, script, "--files", *names],
        env={"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert len(run.stdout.splitlines()) == len(names), run.stderr[-500:]
    found = [json.loads(line) for line in run.stdout.splitlines()]
    return {names[result["path"]]: result for result in found}


@pytest.mark.slow
@pytest.mark.parametrize("name", ROWS)
def test_a_file_is_read_or_refused(results, name):
    result, error = results[name], ROWS[name][2]
    assert result["fault"] is None
    if error is READ:
        assert result["error"] is None
    else:
        assert result["error"] is not None
        assert re.search(error, result["error"])
