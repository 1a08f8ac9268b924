"""`jaxseg train --retries N` starts a killed process again, and only such a one."""

import sys

import pytest

from jaxseg.cli.supervisor import supervise

# Ends in the ways that the file lists, one after another. A word "step" is a new
# checkpoint before the end.
CHILD = """
import os, pathlib, signal, sys
file = pathlib.Path(sys.argv[1])
first, *rest = file.read_text().splitlines()
file.write_text("\\n".join(rest))
words = first.split()
if "step" in words:
    with open(sys.argv[2], "a") as steps:
        steps.write("x")
if words[-1] == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
sys.exit(int(words[-1]))
"""


@pytest.mark.parametrize(
    ("ends", "status", "left"),
    [
        (["kill", "5", "0"], 0, 0),
        (["kill", "kill", "5", "0"], 5, 1),
        (["kill", "5", "step kill", "kill", "0"], 0, 0),
        (["1", "0"], 1, 1),
        (["kill", "143", "0"], 143, 1),
        (["4", "0"], 4, 1),
    ],
    ids=["twice", "too often", "with progress", "an error", "asked to stop", "nan"],
)
def test_which_ends_are_retried(tmp_path, capsys, ends, status, left):
    file, steps = tmp_path / "ends", tmp_path / "steps"
    file.write_text("\n".join(ends))
    steps.touch()
    command = [sys.executable, "-c", CHILD, str(file), str(steps)]
    latest = lambda: len(steps.read_text())
    assert supervise(command, 2, latest_step=latest, pause=0.0) == status
    assert len(file.read_text().split("\n")) - (not file.read_text()) == left
    assert capsys.readouterr().err.count("started again") == len(ends) - left - 1
