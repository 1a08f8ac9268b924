"""Operations of a step are counted in the program that runs, once."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.analysis.hlo import utilization as utilization
from jaxseg.training.devices.runner import StepRunner


def step(state, batch):
    def loss(kernel):
        image = batch["image"].astype(jnp.float32)
        out = jax.lax.conv_general_dilated(
            image, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        return (out**2).sum()

    value, gradient = jax.value_and_grad(loss)(state)
    return state - gradient, {"loss": value}


def test_the_count_is_that_of_forward_and_backward_and_costs_no_second_trace():
    runner = StepRunner(
        step, lambda v, batch: v.sum(), kind="jit", devices=jax.devices()[:2]
    )
    state = runner.place(np.ones((3, 3, 3, 5), np.float32))
    batch = {"image": np.ones((4, 8, 10, 3), np.uint8)}
    flops = utilization.counter(runner, kind="jit")(state, batch)
    forward = 2 * 4 * 8 * 10 * 5 * 3 * 3 * 3
    assert flops == 2 * forward  # the image needs no gradient
    runner.train(state, batch)
    assert len(runner.programs) == 1


def test_pmap_is_not_counted():
    assert utilization.counter(None, kind="pmap") is None


@pytest.mark.parametrize(
    ("kind", "peak"),
    [("TPU v3", 61.5e12), ("TPU v4", 275e12), ("TPU v5 lite", 197e12),
     ("TPU v5p", 459e12), ("TPU v6 lite", 918e12), ("NVIDIA H100 80GB HBM3", 989e12),
     ("NVIDIA H200", 989e12), ("NVIDIA A100-SXM4-40GB", 312e12),
     ("Tesla V100-SXM2-16GB", 125e12), ("cpu", None)],
)  # fmt: skip
def test_peaks_of_known_chips(kind, peak):
    assert utilization.device_peak(kind) == peak


def test_the_peak_is_that_of_all_devices_or_unknown():
    known = types.SimpleNamespace(device_kind="TPU v4")
    assert utilization.peak([known] * 8) == 8 * 275e12
    assert utilization.peak([known, *jax.devices()[:1]]) is None
