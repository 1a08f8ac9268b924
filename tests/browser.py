"""Drives headless Chromium by the DevTools protocol, over pipes."""

import base64
import contextlib
import fcntl
import functools
import http.server
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import threading
import time

import pytest

LAUNCH = """
import os, sys
os.dup2(int(sys.argv[1]), 3), os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def program():
    """The path of a browser; the test that asks for it skips where there is none."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"No browser is installed: expected one of {', '.join(NAMES)}.")
    return found


@contextlib.contextmanager
def served(folder):
    """The address at which a server offers the files of a folder."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


class Tab:
    """A tab of a browser. Messages end in a zero byte; the browser reads descriptor 3
    and writes to descriptor 4."""

    def __init__(self, profile, seconds=120):
        self.ends = time.monotonic() + seconds
        self.numbers, self.rest = itertools.count(1), b""
        self.events = []  # what the browser tells of the enabled domains
        (theirs_in, self.write), (self.read, theirs_out) = os.pipe(), os.pipe()
        # The launcher gives the ends of the pipes the numbers that browsers expect.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (theirs_in, theirs_out)]
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"]
        flags += ["--disable-dev-shm-usage", "--remote-debugging-pipe"]
        flags += [f"--user-data-dir={profile}", "about:blank"]
        self.process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, *map(str, ends), program(), *flags],
            pass_fds=ends,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in (theirs_in, theirs_out, *ends):
            os.close(end)
        targets = self.send("Target.getTargets")["targetInfos"]
        target = next(t["targetId"] for t in targets if t["type"] == "page")
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]

    session = None

    def send(self, method, **parameters):
        """The result of a command."""
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while (answer := self.receive()).get("id") != number:
            self.events.append(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def receive(self):
        while b"\0" not in self.rest:
            left = self.ends - time.monotonic()
            assert left > 0, "The browser did not answer in time."
            if select.select([self.read], [], [], left)[0]:
                part = os.read(self.read, 1 << 20)
                assert part, "The browser ended."
                self.rest += part
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def value(self, script):
        """The value of an expression, awaited if it is a promise."""
        answer = self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_for(self, script, value):
        """Waits until an expression has a value."""
        while (found := self.value(script)) != value:
            assert time.monotonic() < self.ends, f"{script} is {found}, not {value}."
            time.sleep(0.1)

    def download(self, script):
        """The content behind the address that an expression gives."""
        text = self.value(f"""
            fetch({script}).then((answer) => answer.blob()).then((blob) =>
              new Promise((resolve) => {{
                const reader = new FileReader();
                reader.onload = () => resolve(reader.result.split(",")[1]);
                reader.readAsDataURL(blob);
              }}))""")
        return base64.b64decode(text)

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        os.close(self.read), os.close(self.write)


@contextlib.contextmanager
def tab(profile):
    """A tab of a new browser, which ends with the block."""
    opened = Tab(profile)
    try:
        yield opened
    finally:
        opened.close()
