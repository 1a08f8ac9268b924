"""One owner of a run directory; a dead one never blocks, a living one always does."""

import dataclasses
import errno
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time

import pytest

from jaxseg.runs import lock
from jaxseg.storage import atomic
from jaxseg.storage import process as owner


@pytest.fixture
def quick(monkeypatch):
    """Signs of life every 50 ms, death after 400 ms."""
    monkeypatch.setattr(lock, "BEAT", 0.05)
    monkeypatch.setattr(lock, "LIMIT", 0.4)


def write(path, **changes):
    """A lock file of a process that differs from this one in `changes`."""
    process = dataclasses.replace(owner.current(), **changes)
    holder = lock.Holder(process, "2026-01-02 03:04:05 +0000", "other")
    path.write_text(holder.to_json())
    return holder


def test_the_second_owner_is_refused_with_host_process_and_time(tmp_path):
    with lock.holding(tmp_path):
        since = json.loads((tmp_path / "lock.json").read_text())["since"]
        with pytest.raises(lock.RunInUse) as caught, lock.holding(tmp_path):
            pass
        assert (tmp_path / "lock.json").exists()
    text = str(caught.value)
    assert f"process {os.getpid()} on {socket.gethostname()} since {since}" in text
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}", since)
    assert "\n" not in text
    assert os.listdir(tmp_path) == []


@pytest.mark.slow
def test_a_killed_owner_on_this_host_does_not_block(tmp_path):
    code = (
        "import os, sys; from jaxseg.runs import lock\n"
        "with lock.holding(sys.argv[1]): os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == -9 and (tmp_path / "lock.json").exists()
    start = time.monotonic()
    with lock.holding(tmp_path):
        found = lock.read(tmp_path / "lock.json")
        assert found.process.pid == os.getpid()
    assert time.monotonic() - start < 2


def test_what_was_left_by_a_process_that_died_while_it_locked_is_removed(tmp_path):
    write(tmp_path / "lock-takeover.json", start="1")
    name = atomic.temporary_name(tmp_path / "lock.json").name
    number = name.rpartition("_")[2]
    (tmp_path / name.replace(number, f"1{number}")).touch()
    with lock.holding(tmp_path):
        assert os.listdir(tmp_path) == ["lock.json"]
    write(tmp_path / "lock-takeover.json")  # of a living process
    with lock.holding(tmp_path):
        assert sorted(os.listdir(tmp_path)) == ["lock-takeover.json", "lock.json"]


def test_another_process_with_the_number_of_the_dead_one_does_not_block(tmp_path):
    write(tmp_path / "lock.json", start="1")
    with lock.holding(tmp_path):
        assert lock.read(tmp_path / "lock.json").token != "other"


ELSEWHERE = {
    "another host": {"host": "elsewhere", "machine": "another boot"},
    "a container on this host": {"machine": "this boot, another namespace"},
    "a host that tells no boot": {"host": "elsewhere", "machine": ""},
}


@pytest.mark.parametrize("changes", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_silent_owner_elsewhere_expires(tmp_path, quick, capsys, changes):
    write(tmp_path / "lock.json", **changes)
    start = time.monotonic()
    with lock.holding(tmp_path):
        assert lock.read(tmp_path / "lock.json").process == owner.current()
    assert time.monotonic() - start > lock.LIMIT
    assert (
        "waiting up to 0 seconds to see whether it is alive" in capsys.readouterr().err
    )


@pytest.mark.parametrize("changes", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_living_owner_elsewhere_is_left_alone(tmp_path, quick, changes):
    path = tmp_path / "lock.json"
    there = lock.Lock(path, write(path, **changes))
    try:
        with pytest.raises(lock.RunInUse, match="since 2026-01-02"):
            lock.acquire(path)
        assert lock.read(path).token == "other"
    finally:
        there.release()
    assert not path.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"process": 3}', '{"since": ""}'])
def test_a_damaged_file_expires_like_that_of_another_host(tmp_path, quick, text):
    (tmp_path / "lock.json").write_text(text)
    with lock.holding(tmp_path):
        assert lock.read(tmp_path / "lock.json").process == owner.current()


def test_of_many_that_take_over_one_succeeds(tmp_path):
    for _ in range(20):
        write(tmp_path / "lock.json", start="1")
        barrier, got = threading.Barrier(8), []

        def attempt(barrier=barrier, got=got):
            barrier.wait()
            try:
                got.append(lock.acquire(tmp_path / "lock.json"))
            except lock.RunInUse:
                got.append(None)

        threads = [threading.Thread(target=attempt) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (owned,) = [one for one in got if one is not None]
        assert len(got) == 8
        assert lock.read(tmp_path / "lock.json").token == owned.holder.token
        owned.release()
        assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP])
def test_file_systems_without_hard_links(tmp_path, monkeypatch, code):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", refuse)
    with lock.holding(tmp_path):
        with pytest.raises(lock.RunInUse):
            lock.acquire(tmp_path / "lock.json")
        assert os.listdir(tmp_path) == ["lock.json"]
    assert os.listdir(tmp_path) == []


def test_a_link_that_was_made_but_reported_as_failed_counts(tmp_path, monkeypatch):
    """An NFS server that repeats a request answers that the file exists."""
    original = os.link

    def lose_answer(source, target):
        original(source, target)
        raise FileExistsError(errno.EEXIST, "File exists")

    monkeypatch.setattr(os, "link", lose_answer)
    with lock.holding(tmp_path):
        assert lock.read(tmp_path / "lock.json").process == owner.current()


def test_a_full_disk_is_an_error_and_no_endless_loop(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(OSError, match="No space"):
        lock.acquire(tmp_path / "lock.json")
    assert os.listdir(tmp_path) == []


def test_an_owner_that_was_taken_for_dead_stops_and_leaves_the_new_lock(tmp_path):
    with lock.holding(tmp_path) as held:
        held.check()
        write(tmp_path / "lock.json", host="elsewhere")
        held.sign()
        with pytest.raises(lock.RunInUse, match="taken over by process"):
            held.check()
    assert lock.read(tmp_path / "lock.json").token == "other"


def test_a_lock_that_was_removed_by_hand_comes_back(tmp_path):
    with lock.holding(tmp_path) as held:
        (tmp_path / "lock.json").unlink()
        held.sign()
        held.check()
        assert lock.read(tmp_path / "lock.json") == held.holder


def test_only_empty_new_folders_are_removed(tmp_path):
    (tmp_path / "old").mkdir()
    for name, kept in (("a/b/c", False), ("old", True)):
        with lock.holding(tmp_path / name):
            assert (tmp_path / name / "lock.json").exists()
        assert (tmp_path / name).exists() == kept
    assert os.listdir(tmp_path) == ["old"]
    with lock.holding(tmp_path / "a" / "b"):
        (tmp_path / "a" / "b" / "config.json").touch()
    assert os.listdir(tmp_path / "a" / "b") == ["config.json"]
