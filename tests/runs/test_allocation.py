"""A process that runs a network on the CPU keeps freed memory for its next batch."""

import platform
import subprocess
import sys

import pytest

from jaxseg.runs.allocation import keep_freed_memory

FAULTS = """
import resource
import numpy as np
from jaxseg.runs.allocation import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(2**24, np.float32)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(keep_freed_memory("cpu"), faults(), faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_a_large_array_is_placed_in_kept_memory():
    done = subprocess.run(
        [sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True
    )
    kept, first, second = done.stdout.split()
    assert kept == "True"
    assert int(second) < 100 < int(first)


def test_options_of_the_user_are_kept(monkeypatch):
    monkeypatch.setenv("MALLOC_ARENA_MAX", "2")
    assert not keep_freed_memory("cpu")


def test_nothing_changes_if_the_network_runs_on_an_accelerator():
    assert not keep_freed_memory("tpu")
