"""Steps in micro-batches: the same on many devices, in less memory, nothing moved."""

import functools
import re

import jax
import numpy as np
import optax
import pytest
from flax import linen as nn

from jaxseg.config import LossConfig
from jaxseg.losses import build_objective
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, ConvNormAct
from jaxseg.training.devices.backends import JitBackend, PmapBackend
from jaxseg.training.devices.mesh import make_mesh
from jaxseg.training.step.options import StepOptions
from jaxseg.training.step.state import create_state
from jaxseg.training.step.steps import train_step


class Net(nn.Module):
    """Two convolutions with group norm and two outputs."""

    width: int = 6
    style: BlockConfig = BlockConfig(norm="group", groups=2)

    @nn.compact
    def __call__(self, x, *, train=False):
        for i in range(2):
            x = ConvNormAct(self.width, style=self.style, name=f"b{i}")(x, train=train)
        aux = Conv(4, 1, style=self.style, name="aux_head")(x)
        return {"logits": Conv(4, 1, style=self.style, name="head")(x), "aux": aux}


@functools.cache
def draw():
    """Sixteen examples of which some are void but for a row, one wholly."""
    random = np.random.default_rng(1)
    label = random.integers(0, 4, (16, 9, 7)).astype(np.int32)
    label[0] = 255
    label[1::3, 1:] = 255
    image = random.normal(0, 1, (16, 9, 7, 3)).astype(np.float32)
    return {"image": image, "label": label}


def close(got, wanted):
    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6), got, wanted
    )


TX = optax.sgd(0.5, momentum=0.9)


@functools.cache
def initial():
    return create_state(Net(), TX, seed=0, image_shape=(1, 9, 7, 3))


def train(kind, devices, count, config):
    """Parameters and metrics after two steps on these devices."""
    axis_name = "batch" if kind == "pmap" else None
    model = Net()
    state = initial()
    objective = build_objective(config, class_pixels=(4, 3, 2, 1), axis_name=axis_name)
    step = functools.partial(
        train_step,
        model=model,
        tx=TX,
        loss_fn=objective,
        options=StepOptions(grad_accum_steps=count),
        axis_name=axis_name,
    )
    if kind == "pmap":
        backend = PmapBackend(jax.devices()[:devices])
    else:
        backend = JitBackend(make_mesh(devices))
    run, state = backend.compile(step), backend.put_state(state)
    for _ in range(2):
        state, metrics = run(state, backend.put_batch(draw()))
    return jax.device_get((state.params, metrics))


@functools.cache
def alone(config):
    return train("jit", 1, 1, CONFIGS[config])


CONFIGS = {
    "sums": LossConfig("focal", class_weights="none", additional=(("dice", 0.5),)),
    "coupled": LossConfig("lovasz_softmax", additional=(("top_k_cross_entropy", 0.5),)),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("jit", "coupled"),
        ("pmap", "sums"),
        pytest.param("jit", "sums", marks=pytest.mark.slow),
        pytest.param("pmap", "coupled", marks=pytest.mark.slow),
    ],
)
def test_the_same_on_many_devices(kind, config):
    params, metrics = train(kind, 4, 2, CONFIGS[config])
    wanted, numbers = alone(config)
    close(params, wanted)
    assert metrics["labeled"] == numbers["labeled"]
    assert abs(metrics["correct"] - numbers["correct"]) <= 1
    for name, value in numbers.items():
        if name != "correct":
            np.testing.assert_allclose(metrics[name], value, rtol=1e-5, err_msg=name)


def lowered(count, config, devices=1, size=16, side=9, width=6):
    """The compiled step for these shapes."""
    model = Net(width)
    step = functools.partial(
        train_step,
        model=model,
        tx=TX,
        loss_fn=build_objective(config),
        options=StepOptions(grad_accum_steps=count),
    )
    backend = JitBackend(make_mesh(devices))
    create = functools.partial(create_state, seed=0, image_shape=(1, 8, 8, 3))
    state = jax.eval_shape(functools.partial(create, model, TX))
    batch = {
        "image": np.zeros((size, side, side, 3), np.float32),
        "label": np.zeros((size, side, side), np.int32),
    }
    abstract = backend.abstract(state, batch)
    return backend.compile(step, donate=False).lower(*abstract).compile()


def count_of(op, compiled):
    return len(re.findall(rf" {op}(?:-start)?\(", compiled.as_text()))


@pytest.mark.slow
def test_memory_is_that_of_one_micro_batch_and_sums_need_no_second_forward_pass():
    """Weights come from labels: XLA drops the network from the pass that adds them."""
    shape = {"side": 32, "width": 16}
    one, eight = (lowered(count, LossConfig(), **shape) for count in (1, 8))
    coupled = lowered(8, LossConfig("top_k_cross_entropy"), **shape)
    memory = [c.memory_analysis().temp_size_in_bytes for c in (one, eight, coupled)]
    assert memory[1] < memory[0] / 4 and memory[2] < memory[0] / 2
    convolutions = [count_of("convolution", c) for c in (one, eight, coupled)]
    assert 0 < convolutions[0] == convolutions[1] < convolutions[2]


@pytest.mark.slow
def test_no_example_moves_between_devices():
    compiled = lowered(2, LossConfig(), devices=4)
    assert count_of("all-reduce", compiled) > 0
    for op in ("all-gather", "all-to-all", "collective-permute"):
        assert count_of(op, compiled) == 0, op
