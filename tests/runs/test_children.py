"""A parent that is asked to stop asks its children, and ends after them."""

import signal
import subprocess
import sys

import pytest

PARENT = """
import sys
from concurrent.futures import ThreadPoolExecutor
from jaxseg.runs.children import Children

children = Children()
with children, ThreadPoolExecutor(1) as pool:
    list(pool.map(lambda c: children.run([sys.executable, "-c", c]), sys.argv[1:]))
"""
CHILD = """
import os, signal, sys, time

def stop(number, _):
    time.sleep(0.3)
    os.write(1, f"saved {int(number)}\\n".encode())  # print may be interrupted by itself
    sys.exit()

signal.signal(signal.SIGTERM, stop), signal.signal(signal.SIGHUP, stop)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_parent_ends_after_the_child_and_starts_no_other(number):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, CHILD, "print('second')"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout.readline() == "ready\n"
    parent.send_signal(number)
    assert parent.wait(20) == 128 + number
    assert parent.stdout.read() == f"saved {int(number)}\n"
