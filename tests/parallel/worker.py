"""Three training steps of a small network on this process's part of the batches.

Run as `worker.py COORDINATOR COUNT INDEX OUT` it joins COUNT processes of four devices
and writes the parameters after training; see test_processes.py.
"""

import functools
import sys

import jax
import numpy as np
from flax import linen as nn

from jaxseg.config import LossConfig, OptimConfig
from jaxseg.losses import build
from jaxseg.nn.layers import Conv, ConvNormAct
from jaxseg.nn.style import Style
from jaxseg.training import optim
from jaxseg.training.parallel import jit_driver, make_mesh, pmap_driver
from jaxseg.training.state import create_state
from jaxseg.training.steps import eval_step, train_step


class Net(nn.Module):
    style: Style = Style()

    @nn.compact
    def __call__(self, x, *, train=False):
        x = ConvNormAct(4, style=self.style, name="stem")(x, train=train)
        return {"logits": Conv(3, style=self.style, name="head")(x)}


def batch(number):
    """A global batch of 16; the first process's half is mostly void."""
    random = np.random.default_rng(number)
    label = random.integers(0, 3, (16, 6, 6)).astype(np.int32)
    label[:7] = 255
    return {
        "image": random.normal(0, 1, (16, 6, 6, 3)).astype(np.float32),
        "label": label,
    }


def train(kind):
    """Parameters after three steps, and the confusion of the last batch, as numpy."""
    axis_name = "batch" if kind == "pmap" else None
    model = Net(Style(axis_name=axis_name))
    tx, _ = optim.build(OptimConfig(name="sgd", learning_rate=0.1), 10)
    loss_fn = build(LossConfig(), axis_name=axis_name)
    options = {"model": model, "axis_name": axis_name}
    step = functools.partial(train_step, tx=tx, loss_fn=loss_fn, **options)
    count = functools.partial(eval_step, num_classes=3, **options)
    if kind == "pmap":
        driver, counter = pmap_driver(step), pmap_driver(count, donate=False)
    else:
        driver = jit_driver(step, make_mesh())
        counter = jit_driver(count, make_mesh(), donate=False)
    state = create_state(model, tx, seed=0, image_shape=(1, 6, 6, 3))
    state = driver.put_state(state)
    part = 16 // jax.process_count()
    rows = slice(jax.process_index() * part, (jax.process_index() + 1) * part)
    for number in range(3):
        local = {k: v[rows] for k, v in batch(number).items()}
        state, metrics = driver(state, driver.put_batch(local))
    matrix = counter(state.variables(), counter.put_batch(local))
    return {
        "kernel": np.asarray(state.params["head"]["kernel"]),
        "mean": np.asarray(state.batch_stats["stem"]["norm"]["mean"]),
        "loss": np.asarray(metrics["loss"]),
        "labelled": np.asarray(metrics["labelled"]),
        "matrix": np.asarray(matrix),
    }


if __name__ == "__main__":
    coordinator, count, index, out = sys.argv[1:]
    jax.config.update("jax_num_cpu_devices", 4)
    jax.distributed.initialize(coordinator, int(count), int(index))
    for kind in ("jit", "pmap"):
        np.savez(f"{out}/{kind}{index}.npz", **train(kind))
