"""Commands whose output nobody reads any more."""

import errno
import io
import os
import signal
import subprocess
import sys

import pytest

from jaxseg.checkpoints.steps import steps_in
from jaxseg.cli.main import main


class Closing(io.StringIO):
    """Standard output that is closed after a line that holds `last`."""

    def __init__(self, last, number):
        super().__init__()
        self.last, self.number = last, number

    def write(self, text):
        if self.last in self.getvalue():
            raise OSError(self.number, os.strerror(self.number))
        return super().write(text)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "signal_"), [(errno.EPIPE, signal.SIGPIPE), (errno.EIO, signal.SIGHUP)]
)
def test_a_training_saves_and_tells_its_status(
    tiny, tmp_path, monkeypatch, capfd, number, signal_
):
    monkeypatch.setattr(sys, "stdout", Closing("step 4/6", number))
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    given = tiny(
        tmp_path, "--devices=1", "--train.save-every=100", "--train.eval-every=0"
    )
    assert main(given) == 128 + signal_
    assert sys.stderr.getvalue() == (
        f"stopped by {signal_.name} at step 5; run the same command again to resume\n"
    )
    assert steps_in(tmp_path / "ckpt") == (5,)


@pytest.mark.parametrize("command", [["models"], ["train", "--help"], []])
def test_other_commands_end_quietly(monkeypatch, command):
    monkeypatch.setattr(sys, "stdout", Closing("", errno.EPIPE))
    assert main(command) == 141


@pytest.mark.slow
def test_head_ends_a_command_quietly():
    """The whole program, to its last flush."""
    program = f"'{sys.executable}' -m jaxseg.cli.main models | head -n 1; echo ${{PIPESTATUS[0]}}"
    run = subprocess.run(
        ["bash", "-c", program], capture_output=True, text=True, timeout=120
    )
    assert run.stderr == ""
    assert run.stdout.splitlines()[-1] in ("141", "0")
