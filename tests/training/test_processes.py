"""Joining and losing processes: what is asked for, and what is said at the end.

Runs of two processes are in tests/faults/test_processes.py.
"""

import os
import subprocess
import sys

import jax
import pytest

from jaxseg.checkpoints.manager import CheckpointError
from jaxseg.training.devices import processes


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("here", 2, 0), "coordinator='here' is invalid: expected HOST:PORT"),
        (
            ("here:99999", 2, 0),
            "coordinator='here:99999' is invalid: expected HOST:PORT",
        ),
        (("here:0", 2, 0), "coordinator='here:0' is invalid: expected HOST:PORT"),
        ((":4567", 2, 0), "coordinator=':4567' is invalid: expected HOST:PORT"),
        (
            ("here:\u00b2", 2, 0),
            "coordinator='here:\u00b2' is invalid: expected HOST:PORT",
        ),
        (("here:80", 0, 0), "processes=0 is invalid: expected 1 or more"),
        (
            ("here:80", 2, 2),
            "process_id=2 is invalid: expected 0 to 1, because processes=2",
        ),
        (("here:80", 2, -1), "process_id=-1 is invalid"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_contacted(given, message):
    with pytest.raises(ValueError, match=message):
        processes.initialize_distributed(*given)


def test_time_and_environment_are_checked_too(monkeypatch):
    with pytest.raises(ValueError, match="heartbeat_timeout=1 is invalid"):
        processes.initialize_distributed("here:80", 2, 0, heartbeat_timeout=1)
    monkeypatch.setenv("JAX_NUM_PROCESSES", "two")
    with pytest.raises(ValueError, match="JAX_NUM_PROCESSES='two' is invalid"):
        processes.initialize_distributed("here:80")


def test_flags_and_environment_reach_jax(monkeypatch):
    calls = []
    monkeypatch.setattr(jax.distributed, "initialize", lambda **k: calls.append(k))
    monkeypatch.setattr(processes, "explain_abort", lambda: None)
    met = []
    monkeypatch.setattr(
        processes.rendezvous, "wait_for_all", lambda *given: met.append(given)
    )
    monkeypatch.setenv("JAX_COORDINATOR_ADDRESS", "there:1")
    monkeypatch.setenv("JAX_PROCESS_ID", "3")
    processes.initialize_distributed(processes=4, heartbeat_timeout=9)
    processes.initialize_distributed("here:80", 2, 0)
    names = (
        "coordinator_address", "num_processes", "process_id", "heartbeat_timeout_seconds"
    )  # fmt: skip
    assert [tuple(call[name] for name in names) for call in calls] == [
        ("there:1", 4, 3, 9),
        ("here:80", 2, 0, 60),
    ]
    assert met == [("there:1", 4, 3), ("here:80", 2, 0)]


def test_what_jax_says_when_it_cannot_connect_is_one_line(monkeypatch):
    def initialize(**_):
        raise jax.errors.JaxRuntimeError("UNKNOWN: Failed to start RPC server\nmore")

    monkeypatch.setattr(jax.distributed, "initialize", initialize)
    monkeypatch.setattr(processes.rendezvous, "wait_for_all", lambda *_: None)
    with pytest.raises(
        ValueError, match=r"here:80.* is invalid: .*UNKNOWN: Failed to start RPC"
    ) as e:
        processes.initialize_distributed("here:80", 2, 0)
    assert "\n" not in str(e.value)


def test_no_cluster_is_said_with_the_flags(monkeypatch):
    for name in ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID"):
        monkeypatch.delenv(name, raising=False)

    def initialize(**_):
        raise ValueError("coordinator_address should be defined.")

    monkeypatch.setattr(jax.distributed, "initialize", initialize)
    with pytest.raises(ValueError, match=r"coordinator=None is .*--coordinator HOST"):
        processes.initialize_distributed()


def test_errors_of_a_lost_process_are_told_from_others():
    gloo = jax.errors.JaxRuntimeError(
        "UNKNOWN: Gloo all-reduce failed: Connection closed by peer [127.0.0.1]:30091"
    )
    saving = CheckpointError("saving the checkpoint of step 9 failed")
    saving.__cause__ = gloo
    assert processes.is_peer_failure(gloo) and processes.is_peer_failure(saving)
    memory = jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: out of memory")
    assert not processes.is_peer_failure(memory)
    assert not processes.is_peer_failure(
        OSError("Connection reset by the image server")
    )
    assert not processes.is_peer_failure(KeyError("Gloo"))


PROGRAM = """
import os, sys, threading
from jaxseg.training.devices import processes
import jax
{body}
"""


def ended(body):
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(body=body)],
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return run.returncode, run.stderr.splitlines()


@pytest.mark.slow
def test_abort_in_a_foreign_thread_ends_with_one_line_and_status_5():
    """As the runtime does it: C code, in a thread that Python does not know."""
    status, lines = ended(
        "import ctypes\n"
        "processes.explain_abort()\n"
        "abort = ctypes.CDLL(None).abort\n"
        "threading.Thread(target=abort).start()\n"
        "threading.Event().wait(60)\n"
    )
    assert status == processes.LOST == 5
    assert lines[-1].startswith("jaxseg: process 0 of 1: another process of this run")
    assert lines[-1].endswith("to resume from the last checkpoint")


@pytest.mark.slow
def test_errors_end_a_process_without_its_exit_hooks():
    """The hooks of jax.distributed would wait for processes that wait for this one."""
    status, lines = ended(
        "import atexit\n"
        "atexit.register(lambda: os.write(2, b'waited'))\n"
        "lost = jax.errors.JaxRuntimeError('UNAVAILABLE: Socket closed\\nmore')\n"
        "if child := os.fork():\n"
        "    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=sys.stderr)\n"
        "    processes.end_process(lost)\n"
        "processes.end_process(ValueError('crop is 0'))\n"
    )
    assert lines[:2] == ["jaxseg: crop is 0", "1"]
    assert status == 5 and "(UNAVAILABLE: Socket closed)" in lines[2]
    assert len(lines) == 3
