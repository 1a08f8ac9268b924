"""The command `jaxseg serve`: wrong options, and the end of its process."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from jaxseg.cli.main import main
from tests.serve.conftest import drawn, encoded
from tests.serve.running import Client


@pytest.mark.parametrize(
    "options, words",
    [
        (["--port", "70000"], "port=70000 is invalid: expected a whole number"),
        (["--max-batch", "0"], "max_batch=0 is invalid"),
        (["--timeout", "0"], "timeout=0.0 is invalid: expected a number above 0"),
        (["--warm-up", "9000", "9000"], "expected at most max_pixels=4194304"),
        (["--host", "no.such.host.invalid"], "is invalid: expected an address of this"),
        (
            ["--host", "192.0.2.1"],
            "host='192.0.2.1' is invalid: expected an address of",
        ),
    ],
)
def test_wrong_options_are_one_line(workdir, options, words, capsys):
    assert main(["serve", str(workdir), *options]) == 1
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1


def test_a_port_in_use_is_one_line(workdir, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", str(workdir), "--port", str(port)]) == 1
    error = capsys.readouterr().err
    assert f"port={port} is invalid: expected a free port on 127.0.0.1" in error
    assert error.count("\n") == 1


@pytest.mark.slow
def test_a_signal_lets_accepted_requests_finish(workdir):
    """Sixty requests of ten clients, some of them bad, and SIGTERM in the middle."""
    command = [sys.executable, "-m", "jaxseg.cli.main", "serve", str(workdir)]
    process = subprocess.Popen(
        [*command, "--port", "0", "--max-bytes", "100000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
    )
    lines = []
    while not (lines and lines[-1].startswith("serving")):
        lines.append(process.stdout.readline())
        assert lines[-1], process.communicate()
    client = Client(int(re.search(r":(\d+)$", lines[-1].strip())[1]))
    good, bad, huge = encoded(drawn(16, 24)), b"text", b"x" * 150_000
    found, lock = [], threading.Lock()

    def send(images):
        for image in images:
            try:
                status, _, body = client.post("/predict", image)
            except OSError:  # The server does not listen anymore.
                status, body = 0, b'{"error": "no connection"}'
            with lock:
                found.append((image, status, body, time.monotonic()))

    threads = [
        threading.Thread(target=send, args=([good, bad, good, huge, good, good],))
        for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    while sum(status == 200 for _, status, _, _ in found) < 10:
        time.sleep(0.005)
    stopped = time.monotonic()
    process.send_signal(signal.SIGTERM)
    for thread in threads:
        thread.join()
    out, error = process.communicate(timeout=60)
    assert process.returncode == 143 and error == ""
    assert "all accepted requests are answered" in out
    assert len(found) == 60
    expected = {good: 200, bad: 422, huge: 413}
    for image, status, body, ended in found:
        # After the signal, a request gets the status 503 if its connection was accepted
        # before the server stopped listening, and no connection otherwise.
        assert status == expected[image] or (status in (503, 0) and ended > stopped)
        assert body.startswith(b"\x89PNG") if status == 200 else json.loads(body)
    assert any(status in (503, 0) for _, status, _, _ in found)
