"""The time of a run is divided among activities, over all its processes."""

import json

import pytest

from jaxseg.training.run import goodput as module
from jaxseg.training.run.goodput import GOODPUT, Clock, read_goodput
from tests.training.test_loop import Arithmetic, go, kill


@pytest.fixture
def now(monkeypatch):
    """A list whose only element is the time."""
    time = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: time[0])
    monkeypatch.setattr(module.time, "time", lambda: time[0])
    return time


def process(folder, now, *, first, last, pace=2.0):
    """Runs a process that loads for 5 s, compiles for 10 s, and trains."""
    clock = Clock(folder, seconds=5.0)
    clock.resumed(first)
    clock.switch("compiling")
    now[0] += 10
    clock.switch("training")
    now[0] += pace * (last - first)
    with clock.of("saving"):
        now[0] += 3
        with clock.of("waiting"):
            now[0] += 1
    clock.write(last)


def test_time_of_one_process(tmp_path, now):
    process(tmp_path, now, first=0, last=20)
    found = read_goodput(tmp_path)
    expected = {"loading": 5, "compiling": 10, "training": 40, "saving": 3}
    expected |= {"waiting": 1, "evaluating": 0, "lost": 0, "down": 0}
    assert found.seconds == pytest.approx(expected)
    assert (found.processes, found.total) == (1, pytest.approx(59))
    assert found.share == pytest.approx(40 / 59)


def test_steps_that_are_done_again_are_lost(tmp_path, now):
    process(tmp_path, now, first=0, last=20)
    now[0] += 100 + 5  # The machine is gone; then the next process loads for 5 s.
    process(tmp_path, now, first=15, last=30)
    with (tmp_path / GOODPUT).open("a") as file:
        file.write('{"started": 2, "seco')  # A crash has cut this line.
    found = read_goodput(tmp_path)
    assert found.seconds["lost"] == pytest.approx(2.0 * 5)
    assert found.seconds["training"] == pytest.approx(2.0 * 30)
    assert found.seconds["down"] == pytest.approx(100)
    assert found.processes == 2


def test_a_run_without_the_file_has_no_goodput(tmp_path):
    assert read_goodput(tmp_path) is None
    (tmp_path / GOODPUT).write_text("broken\n")
    assert read_goodput(tmp_path) is None


def test_the_loop_records_a_killed_and_a_resumed_process(tmp_path):
    with pytest.raises(RuntimeError):
        go(tmp_path, Arithmetic(at=11, act=kill))
    go(tmp_path)
    lines = map(json.loads, (tmp_path / GOODPUT).read_text().splitlines())
    rows = [(row["first_step"], row["step"]) for row in lines]
    # The first process logs at steps 5 and 10; the last checkpoint is that of step 9.
    assert rows == [(0, 5), (0, 10), (9, 10), (9, 12), (9, 12)]
    found = read_goodput(tmp_path)
    assert found.processes == 2 and found.seconds["lost"] > 0
    assert found.seconds["saving"] > 0 and found.seconds["evaluating"] > 0
