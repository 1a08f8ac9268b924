"""The type checker accepts the public packages and a user's program, and rejects errors.

mypy takes its configuration, and the list of packages, from pyproject.toml.
"""

import pathlib
import re
import subprocess
import sys
import tomllib

import pytest

ROOT = pathlib.Path(__file__).parent.parent
WRONG = "tests/typing/wrong.py"


@pytest.mark.slow
def test_only_the_wrong_calls_are_rejected():
    """Each line of wrong.py states the kind of its error."""
    pytest.importorskip("mypy")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    files = (*settings["files"], "tests/typing/user.py", WRONG)
    command = (sys.executable, "-m", "mypy", "--no-pretty", *files)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    lines = (ROOT / WRONG).read_text().splitlines()
    expected = {
        (WRONG, str(number), line.split("# expect: ")[1])
        for number, line in enumerate(lines, start=1)
        if "# expect: " in line
    }
    errors = re.findall(r"^(.+?):(\d+): error: .*\[(.+)\]$", done.stdout, re.MULTILINE)
    assert len(expected) == 11
    assert {*errors} == expected, done.stdout + done.stderr
