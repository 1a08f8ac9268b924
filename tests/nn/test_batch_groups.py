"""Batch statistics over parts of the batch, and what they save in communication."""

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
from jaxseg.nn.norm import Norm
from jaxseg.training.devices.backends import JitBackend
from jaxseg.training.devices.mesh import make_mesh
from jaxseg.training.step.state import create_state
from jaxseg.training.step.steps import train_step

SHAPE = (8, 3, 5, 6)
LAYERS = 2  # of the network whose communication is counted


def draw():
    """Examples whose means lie apart, so that it matters who shares statistics."""
    random = np.random.default_rng(0)
    center = random.normal(0, 2, (8, 1, 1, 6))
    return random.normal(center, 1.5, SHAPE).astype(np.float32)


def variables():
    random = np.random.default_rng(7)
    params = {
        "scale": random.uniform(0.5, 2, 6).astype(np.float32),
        "bias": random.normal(size=6).astype(np.float32),
    }
    stats = {
        "mean": random.normal(size=6).astype(np.float32),
        "var": random.uniform(0.5, 2, 6).astype(np.float32),
    }
    return {"params": params, "batch_stats": stats}


@functools.partial(jax.jit, static_argnums=0)
def learned(norm, state, x):
    """The output and the new statistics in training."""
    return norm.apply(state, x, train=True, mutable=["batch_stats"])


def part_by_part(x, state, parts):
    """Plain batch normalization of every part alone; statistics averaged."""
    outputs, stats = [], []
    for piece in np.split(x, parts):
        y, new = jax.device_get(learned(Norm(), state, piece))
        outputs.append(y)
        stats.append(new["batch_stats"])
    return np.concatenate(outputs), jax.tree.map(lambda *v: np.mean(v, 0), *stats)


@pytest.mark.slow
@pytest.mark.parametrize("parts", [2, 4, 8])
def test_parts_are_normalized_apart(parts):
    x, state = draw(), variables()
    target = np.random.default_rng(1).normal(size=SHAPE).astype(np.float32)

    def run(params, x, norm):
        y, new = norm.apply(
            {**state, "params": params}, x, train=True, mutable=["batch_stats"]
        )
        return (y * target).sum(), (y, new["batch_stats"])

    norm = Norm(BlockConfig(batch_groups=parts))
    gradient = jax.jit(jax.grad(run, (0, 1), has_aux=True), static_argnums=2)
    grads, (y, stats) = gradient(state["params"], x, norm)
    expected, wanted = part_by_part(x, state, parts)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=2e-6)
    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=1e-5), stats, wanted
    )
    whole = np.asarray(learned(Norm(), state, x)[0])
    assert np.abs(whole - y).max() > 0.1
    of_inputs = np.asarray(grads[1])

    @jax.jit
    @jax.grad
    def of_a_part(piece, target):
        return (learned(Norm(), state, piece)[0] * target).sum()

    # The gradient of an example depends on its part alone.
    for rows in np.split(np.arange(8), parts):
        expected = of_a_part(x[rows], target[rows])
        np.testing.assert_allclose(of_inputs[rows], expected, atol=2e-5)


def test_evaluation_and_variables_do_not_depend_on_the_parts():
    x, state = draw(), variables()
    apart, whole = Norm(BlockConfig(batch_groups=4)), Norm()
    both = jax.jit(lambda x: [n.apply(state, x, train=False) for n in (apart, whole)])
    np.testing.assert_array_equal(*both(x))
    one = x[:1]  # fewer examples than parts
    init = functools.partial(apart.init, train=True)
    made = jax.eval_shape(init, jax.random.key(0), one)
    assert jax.tree.map(np.shape, made) == jax.tree.map(np.shape, state)


def test_parts_under_pmap_are_counted_over_all_devices():
    x, state = draw(), variables()
    expected, wanted = part_by_part(x, state, 4)

    def run(parts, devices):
        norm = Norm(BlockConfig(batch_groups=parts, axis_name="batch"))
        step = lambda x: norm.apply(state, x, train=True, mutable=["batch_stats"])
        split = x.reshape(devices, -1, *SHAPE[1:])
        out = jax.pmap(step, axis_name="batch", devices=jax.devices()[:devices])(split)
        return np.asarray(out[0]).reshape(SHAPE), out[1]["batch_stats"]

    for devices in (2, 4):
        y, stats = run(4, devices)
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=2e-6)
        mean = jax.tree.map(lambda v: np.mean(v, 0), stats)  # done by the step
        jax.tree.map(
            functools.partial(np.testing.assert_allclose, rtol=1e-5), mean, wanted
        )
    with pytest.raises(
        ValueError, match="batch_groups=3 is invalid for 4 examples on each of 2"
    ):
        run(3, 2)


def test_impossible_parts_are_named():
    with pytest.raises(ValueError, match="batch_groups=0 is invalid"):
        BlockConfig(batch_groups=0)
    norm = Norm(BlockConfig(batch_groups=3))
    with pytest.raises(
        ValueError, match=r"batch_groups=3 is invalid for 8 .* that divides 8"
    ):
        norm.apply(variables(), draw(), train=True, mutable=["batch_stats"])


class Net(nn.Module):
    """`depth` convolutions, each with a normalization."""

    depth: int
    style: BlockConfig

    @nn.compact
    def __call__(self, x, *, train=False):
        for i in range(self.depth):
            x = ConvNormAct(5, style=self.style, name=f"block{i}")(x, train=train)
        return {"logits": Conv(3, style=self.style, name="head")(x)}


def placed(depth, style):
    """A step on eight devices with its placed arguments."""
    model, tx = Net(depth, style), optax.sgd(0.1)
    state = create_state(model, tx, seed=0, image_shape=(1, 6, 6, 3))
    step = functools.partial(
        train_step, model=model, tx=tx, loss_fn=build_objective(LossConfig())
    )
    backend = JitBackend(make_mesh(8))
    random = np.random.default_rng(0)
    batch = {
        "image": random.normal(0, 2, (16, 6, 6, 3)).astype(np.float32),
        "label": random.integers(0, 3, (16, 6, 6)).astype(np.int32),
    }
    step = backend.compile(step, donate=False)
    return step, backend.put_state(state), backend.put_batch(batch)


def all_reduces(depth, style):
    step, state, batch = placed(depth, style)
    text = step.lower(state, batch).compile().as_text()
    assert "num_partitions=8" in text
    return len(re.findall(r" all-reduce(?:-start)?\(", text))


@pytest.mark.slow
@pytest.mark.usefixtures("full_optimization")
def test_all_reduces_of_a_step():
    """Synchronized: two per layer, once forward and once backward. Parts: none."""
    none, whole, parts = (
        all_reduces(LAYERS, style)
        for style in (
            BlockConfig(norm="none"),
            BlockConfig(),
            BlockConfig(batch_groups=8),
        )
    )
    # one of them may travel with a sum of the step itself
    assert none + 2 * LAYERS - 1 <= whole <= none + 2 * LAYERS
    # the running statistics of all layers travel together
    assert parts <= none + 1


def test_parts_on_devices_give_the_numbers_of_one_device():
    step, state, batch = placed(2, BlockConfig(batch_groups=8))
    new, metrics = step(state, batch)
    alone = jax.device_get((state, batch))
    step = functools.partial(
        train_step,
        model=Net(2, BlockConfig(batch_groups=8)),
        tx=optax.sgd(0.1),
        loss_fn=build_objective(LossConfig()),
    )
    expected, wanted = jax.jit(step)(*alone)
    close = functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6)
    jax.tree.map(close, new.params, expected.params)
    jax.tree.map(close, new.batch_stats, expected.batch_stats)
    close(metrics["loss"], wanted["loss"])
