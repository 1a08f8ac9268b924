"""The lock of a run in a bucket: one owner, expiry, takeover."""

import dataclasses
import json

import pytest

from jaxseg.runs.lock import RunInUse
from jaxseg.runs.remote import lock
from jaxseg.storage import process


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(lock, "BEAT", 0.02)
    monkeypatch.setattr(lock, "LIMIT", 0.2)


def sign_as(bucket, *, host="elsewhere", pid=1, number=1):
    """Makes the lock look as if another process had created it."""
    name = f"lock/{number:08}.json"
    content = json.loads(bucket.read(name))
    content["holder"]["process"] |= {"host": host, "pid": pid, "machine": host}
    bucket.write(name, json.dumps(content).encode())


def test_a_second_start_is_refused(memory):
    with (
        lock.locked(memory),
        pytest.raises(RunInUse, match=r"one is in use by process"),
    ):
        lock.acquire(memory)
    with lock.locked(memory):
        assert list(memory.sizes("lock")) == [
            "lock/00000001.json",
            "lock/00000002.json",
        ]
    assert list(memory.sizes("lock")) == ["lock/00000002.json"]


def test_a_silent_remote_owner_is_replaced_and_notices(memory, monkeypatch):
    monkeypatch.setattr(lock, "BEAT", 60.0)  # The first owner is suspended.
    first = lock.acquire(memory)
    sign_as(memory)
    monkeypatch.setattr(lock, "BEAT", 0.02)
    second = lock.acquire(memory)
    with pytest.raises(RunInUse, match="was taken over by process"):
        first.check()
    second.check()
    second.release()
    assert json.loads(memory.read("lock/00000002.json"))["released"]


def test_a_remote_owner_that_signs_is_respected(memory, monkeypatch):
    other = dataclasses.replace(process.current(), host="other", machine="other")
    with monkeypatch.context() as there:
        there.setattr(process, "current", lambda: other)
        first = lock.acquire(memory)
    with pytest.raises(RunInUse, match=r"process .* on other since"):
        lock.acquire(memory)
    first.release()
    lock.acquire(memory).release()


def test_a_dead_owner_on_this_host_is_replaced_at_once(memory, monkeypatch):
    monkeypatch.setattr(lock, "BEAT", 60.0)
    first = lock.acquire(memory)
    sign_as(memory, host=process.current().host, pid=2**22 - 1)
    content = json.loads(memory.read("lock/00000001.json"))
    content["holder"]["process"]["machine"] = process.current().machine
    memory.write("lock/00000001.json", json.dumps(content).encode())
    lock.acquire(memory).release()
    assert first.taken_by is None  # It has not looked yet.
