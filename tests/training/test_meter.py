"""Speeds of the loop, on a clock that the test turns."""

import pytest

from jaxseg.training.run import meter as module
from jaxseg.training.run.meter import CLOCKS, Meter


@pytest.fixture
def clock(monkeypatch):
    """A list whose only element is the time."""
    now = [100.0]
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])
    return now


def run(meter, clock, steps, seconds):
    for _ in range(steps):
        clock[0] += seconds
        meter.add({"loss": 1.0})


def test_speeds_count_neither_the_first_step_nor_pauses(clock):
    meter = Meter(8, window={}, peak=1000.0)
    meter.flops = 100.0
    run(meter, clock, 1, 60.0)  # compiles
    run(meter, clock, 4, 0.5)
    with meter.waiting():
        clock[0] += 0.5
    with meter.paused():
        clock[0] += 30.0
    line = meter.line()
    assert line["steps_per_second"] == pytest.approx(4 / 2.5)
    assert line["images_per_second"] == pytest.approx(8 * 4 / 2.5)
    assert line["flops_per_second"] == pytest.approx(160.0)
    assert line["mfu"] == pytest.approx(0.16)
    assert line["input_wait"] == pytest.approx(0.5 / 2.5)
    assert line["loss"] == 1.0
    assert set(line) - {"loss"} <= set(CLOCKS)


def test_each_line_has_its_own_speed(clock):
    meter = Meter(2, window={})
    run(meter, clock, 3, 1.0)
    meter.line()
    run(meter, clock, 5, 0.1)
    assert meter.line()["steps_per_second"] == pytest.approx(10.0)


def test_nothing_is_claimed_that_is_not_known(clock):
    meter = Meter(2, window={})
    run(meter, clock, 1, 1.0)
    assert meter.line() == {"loss": 1.0}  # a first step alone was not timed
    run(meter, clock, 2, 1.0)
    assert not {"flops_per_second", "mfu"} & set(meter.line())
    meter.flops = 10.0
    run(meter, clock, 2, 1.0)
    line = meter.line()
    assert line["flops_per_second"] == pytest.approx(10.0) and "mfu" not in line


def test_the_own_time_of_a_host_leaves_out_its_devices(clock, monkeypatch):
    def wait(metrics):
        clock[0] += 5.0
        return metrics

    meter = Meter(2, window={})
    assert meter.host_times() is None
    run(meter, clock, 1, 60.0)
    assert meter.host_times() is None  # the first step was not timed
    run(meter, clock, 4, 0.5)
    with meter.waiting():
        clock[0] += 1.0
    monkeypatch.setattr(module.jax, "device_get", wait)
    assert meter.read({"loss": 2}) == {"loss": 2.0}
    with meter.paused():
        clock[0] += 30.0
    own, waited = meter.host_times()
    assert own == pytest.approx((4 * 0.5 + 1.0) / 4)
    assert waited == pytest.approx(1.0 / 8.0)
    meter.line()
    assert meter.host_times() is None
