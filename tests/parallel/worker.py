"""Five training steps of a small network on this process's part of the batches.

Run as `worker.py COORDINATOR COUNT INDEX OUT` it joins COUNT processes of four devices
and writes the parameters after training; see test_processes.py.
"""

import functools
import gc
import sys

import jax
import numpy as np
from flax import linen as nn

from jaxseg.config import LossConfig, OptimConfig
from jaxseg.losses import build_objective
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, ConvNormAct
from jaxseg.ops.shuffle import depth_to_space
from jaxseg.training.devices.host_values import HostValues
from jaxseg.training.devices.runner import StepRunner
from jaxseg.training.optim import optimizers as optim
from jaxseg.training.run.observation import Observation
from jaxseg.training.step.options import StepOptions
from jaxseg.training.step.state import create_state
from jaxseg.training.step.steps import eval_step, most_probable, train_step

KINDS = {  # of backend and layout
    "jit": {"kind": "jit"},
    "pmap": {"kind": "pmap"},
    "parts": {"kind": "jit", "space": 2, "shard": "fsdp"},
}
OPTIMIZER = OptimConfig(name="sgd", learning_rate=0.1)


class Net(nn.Module):
    """Batch norm, a kernel large enough to be divided, an auxiliary head."""

    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x, *, train=False):
        x = ConvNormAct(8, style=self.style, name="stem")(x, train=train)
        aux = Conv(3, 1, style=self.style, name="aux_head")(x)
        x = ConvNormAct(16, stride=2, style=self.style, name="body")(x, train=train)
        x = Conv(12, 1, style=self.style, name="head")(x)
        return {"logits": depth_to_space(x, 2), "aux": aux}


def batch(number):
    """A global batch of 16; the first process's half is mostly void."""
    random = np.random.default_rng(number)
    label = random.integers(0, 3, (16, 8, 6)).astype(np.int32)
    label[:7] = 255
    return {
        "image": random.normal(0, 1, (16, 8, 6, 3)).astype(np.float32),
        "label": label,
        "index": np.arange(16, dtype=np.int32),
    }


@functools.cache
def initial():
    """The state before training, which is the same for all kinds."""
    tx, _ = optim.build(OPTIMIZER, 10)
    return create_state(Net(), tx, seed=0, image_shape=(1, 8, 6, 3), ema=True)


def train(kind):
    """Arrays after five steps, and the confusion of the last batch, as numpy."""
    axis_name = "batch" if kind == "pmap" else None
    model = Net(BlockConfig(axis_name=axis_name))
    tx, _ = optim.build(OPTIMIZER, 10)
    loss_fn = build_objective(LossConfig(), axis_name=axis_name)
    runner = StepRunner(
        functools.partial(
            train_step,
            model=model,
            tx=tx,
            loss_fn=loss_fn,
            options=StepOptions(ema=0.9),
        ),
        functools.partial(eval_step, predict=most_probable(Net()), num_classes=3),
        devices=jax.devices(),
        **KINDS[kind],
    )
    state = runner.place(initial())
    part = 16 // jax.process_count()
    rows = slice(jax.process_index() * part, (jax.process_index() + 1) * part)
    for number in range(5):
        local = {k: v[rows] for k, v in batch(number).items()}
        state, metrics = runner.train(state, local)
    variables = runner.variables(state)
    matrix = runner.count(variables, local)
    flat = jax.tree_util.tree_leaves_with_path(variables)
    return {
        **observed(runner, variables, local),
        **{jax.tree_util.keystr(path): np.asarray(x) for path, x in flat},
        "loss": np.asarray(metrics["loss"]),
        "labeled": np.asarray(metrics["labeled"]),
        "matrix": np.asarray(matrix),
    }


class Correct:
    """Counts the pixels of one image that have a label, and those that are right."""

    needs_probabilities = False

    def measure(self, example):
        known = example.label != example.void
        right = known & (example.label == example.prediction)
        return [example.index, known.sum(), right.sum(), *example.label.shape]


def observed(runner, variables, local):
    """The matrix and what an observer has counted in the images of all processes."""
    ids, sizes = [f"{i}.png" for i in range(16)], [(7, 6)] * 16
    with Observation([Correct()], ids=ids, void=255, sizes=sizes) as observation:
        matrix, read = runner.observe(variables, local)
        observation.add(local, read)
        [found] = observation.results()
    return {"counted": np.asarray(matrix), "images": np.array(found)}


if __name__ == "__main__":
    gc.set_threshold(200_000, 20, 50)  # as in conftest.py
    coordinator, count, index, out = sys.argv[1:]
    jax.config.update("jax_num_cpu_devices", 4)
    jax.config.update("jax_disable_most_optimizations", True)
    jax.distributed.initialize(coordinator, int(count), int(index))
    hosts = HostValues()
    for step in (3, 5):
        hosts.start(step, [step + jax.process_index(), 0.5])
        found = hosts.read()
    assert hosts.read() is None
    np.savez(f"{out}/hosts{index}.npz", step=found[0], values=found[1])
    for kind in KINDS:
        np.savez(f"{out}/{kind}{index}.npz", **train(kind))
