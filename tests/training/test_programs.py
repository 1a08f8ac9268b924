"""Compilations are counted by the shapes of the batches."""

import functools

import jax
import numpy as np

from jaxseg.training.devices.compile_log import log_compilations, shapes
from jaxseg.training.devices.runner import StepRunner
from jaxseg.training.run.memory import peak_memory


def step(state, batch, *, axis_name=None):
    total = batch["image"].astype("float32").sum()
    if axis_name is not None:
        total = jax.lax.psum(total, axis_name)
    return state + total, {"loss": total}


def batch(rows):
    return {
        "image": np.ones((rows, 4, 6, 3), np.uint8),
        "index": np.zeros(rows, np.int32),
    }


def test_a_program_is_noted_once_per_shape_under_its_name():
    programs = []
    compiled = jax.jit(log_compilations(step, "train_step", programs))
    state = np.float32(0)
    for rows in (2, 2, 4, 2):
        state, _ = compiled(state, batch(rows))
    assert float(state) == (2 + 2 + 4 + 2) * 72
    assert programs == [
        "train_step: image uint8[2,4,6,3], index int32[2]",
        "train_step: image uint8[4,4,6,3], index int32[4]",
    ]
    lowered = compiled.lower(state, batch(2)).as_text()
    assert "jit_train_step" in lowered
    axis = functools.partial(log_compilations(step, "x", programs), axis_name=None)
    assert axis(state, batch(1))[1]["loss"] == 72


def test_a_runner_logs_updates_and_evaluation():
    counting = lambda variables, batch, axis_name=None: step(
        variables, batch, axis_name=axis_name
    )[0]
    for kind, share in (("jit", 4), ("pmap", 2)):
        runner = StepRunner(step, counting, kind=kind, devices=jax.devices()[:2])
        state = runner.place(np.float32(0))
        for _ in range(3):
            state, _ = runner.train(state, batch(4))
        runner.count(state, batch(4))
        expected = f"image uint8[{share},4,6,3], index int32[{share}]"
        assert list(runner.programs) == [
            f"train_step: {expected}",
            f"eval_step: {expected}",
        ]
        assert float(state) == 3 * 4 * 72


def test_shapes_read_as_in_compiler_messages():
    value = {"b": np.zeros((2, 3), np.int32), "a": np.zeros(2, np.uint8)}
    assert shapes(value) == "a uint8[2], b int32[2,3]"


def test_peak_memory_is_that_of_the_process_on_cpu():
    before = peak_memory()
    assert set(before) == {"host_memory_peak"}
    held = np.ones(64 * 2**20, np.uint8) * 2
    grown = peak_memory()["host_memory_peak"] - before["host_memory_peak"]
    assert before["host_memory_peak"] > 50e6 and 0 <= grown < 1e9
    assert held[-1] == 2


def test_peak_memory_is_the_fullest_device_where_devices_tell(monkeypatch):
    class Device:
        def __init__(self, peak):
            self.peak = peak

        def memory_stats(self):
            return {"peak_bytes_in_use": self.peak, "bytes_in_use": 1}

    monkeypatch.setattr(jax, "local_devices", lambda: [Device(5), Device(9)])
    assert peak_memory() == {"device_memory_peak": 9.0}
