"""Tests commands and training whose output has no reader."""

import errno
import io
import os
import signal
import subprocess
import sys
import threading

import pytest

from jaxseg.storage import output

STATUS = {errno.EPIPE: 128 + signal.SIGPIPE, errno.EIO: 128 + signal.SIGHUP}


class Broken(io.StringIO):
    """Fails after a number of writes."""

    def __init__(self, number, after=0):
        super().__init__()
        self.number, self.after = number, after

    def write(self, text):
        if self.after == 0:
            raise OSError(self.number, os.strerror(self.number))
        self.after -= 1
        return super().write(text)


@pytest.fixture(params=["stdout", "stderr"])
def break_stream(request, monkeypatch):
    """`break_stream(number, after)` replaces one of the two streams."""

    def replace(number, after=0):
        stream = Broken(number, after)
        monkeypatch.setattr(sys, request.param, stream)
        return stream, lambda text: print(text, file=getattr(sys, request.param))

    return replace


@pytest.mark.parametrize("number", STATUS)
def test_a_closed_stream_ends_the_block_with_the_status(break_stream, number):
    stream, say = break_stream(number, after=2)
    with pytest.raises(output.OutputClosed) as closed, output.guarded():
        say("one")
        say("two")
        raise AssertionError("not reached")
    assert closed.value.code == STATUS[number]
    assert stream.getvalue() == "one\n"
    assert stream in (sys.stdout, sys.stderr)


def test_other_errors_are_raised_as_they_are(break_stream):
    _, say = break_stream(errno.ENOSPC)
    with pytest.raises(OSError, match="No space left"), output.guarded():
        say("one")


@pytest.mark.parametrize("number", [*STATUS, errno.ENOSPC])
def test_tolerant_output_is_dropped_and_noted(break_stream, number):
    _, say = break_stream(number, after=2)
    with output.guarded(), output.tolerant() as closed:
        say("one")
        assert closed() is None
        say("two")
        say("three")
        expected = STATUS.get(number, STATUS[errno.EIO])
        assert 128 + closed() == expected


def test_a_program_that_survives_its_terminal_is_not_told(break_stream):
    _, say = break_stream(errno.EPIPE)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with output.tolerant() as closed:
            say("one")
            assert closed() is None
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_thread_ends_without_a_traceback(break_stream, monkeypatch):
    seen = []
    monkeypatch.setattr(threading, "excepthook", seen.append)
    _, say = break_stream(errno.EPIPE)
    with output.guarded():
        thread = threading.Thread(target=say, args=("one",))
        thread.start()
        thread.join()
        sys.stdout, sys.stderr = io.StringIO(), io.StringIO()  # nothing to flush
    assert seen == [] or issubclass(seen[0].exc_type, SystemExit)


def test_the_streams_behind_are_still_known():
    with output.guarded():
        assert sys.stdout.encoding.lower().replace("-", "") == "utf8"
        assert sys.stdout.isatty() is False


CODE = """
import sys
from jaxseg.storage import output
try:
    with output.guarded():
        print("x" * {size})
        print("more")
except output.OutputClosed as closed:
    sys.exit(closed.code)
"""


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 100_000])  # within and beyond the buffer
def test_a_closed_pipe_is_quiet_until_the_interpreter_ends(size):
    read, write = os.pipe()
    os.close(read)
    run = subprocess.run(
        [sys.executable, "-c", CODE.format(size=size)],
        stdout=write, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(write)
    assert (run.returncode, run.stderr) == (141, "")
