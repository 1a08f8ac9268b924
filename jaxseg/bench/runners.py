"""Prepares the networks that `jaxseg bench` times, in JAX and in PyTorch.

Each network is timed in prediction with batch sizes 1 and 8, and in training. The
training step in JAX is the one that `jaxseg train` runs (loss, gradients, momentum,
running statistics, pixel counts and gradient norm), and it donates the state. The
training step in PyTorch is cross entropy, the backward pass and `torch.optim.SGD` with
momentum. Both networks are built without auxiliary heads.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxseg.bench.networks import Entry, parameters
from jaxseg.bench.operators import compiled, temp_bytes
from jaxseg.bench.pytorch import Torch
from jaxseg.models import create_model
from jaxseg.nn.block_config import BlockConfig
from jaxseg.weights.model_variables import variable_shapes

CLASSES = 21  # As in PASCAL VOC, with the background.
# The kinds of rows, and their batch sizes on a CPU.
KINDS = {"forward b1": 1, "forward b8": 8, "train step": 2}
RATE, MOMENTUM = 1e-3, 0.9


def pixels(batch: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws random images float32 [B, H, W, 3] and labels int32 [B, H, W].

    The first five rows of the labels are void.
    """
    random = np.random.default_rng(0)
    image = random.normal(size=(batch, size, size, 3)).astype(np.float32)
    label = random.integers(0, CLASSES, (batch, size, size)).astype(np.int32)
    label[:, :5] = 255
    return image, label


class Ours:
    """Runs a jaxseg network, compiled by XLA, either forward or in a training step.

    Attributes:
      run: Runs the compiled program once and waits for the result.
      parameters: The number of parameters used for prediction.
      compile_seconds: The time of tracing and compiling.
      temp_bytes: The bytes that XLA allocates in addition to arguments and outputs.
    """

    def __init__(
        self, entry: Entry, kind: str, batch: int, size: int, dtype: str, impl: str
    ) -> None:
        style = BlockConfig(dtype=dtype, impl=impl)
        model = create_model(entry.name, CLASSES, style=style, **entry.ours(size))
        variables = filled(model)
        self.parameters = _count(variables["params"])
        image, label = pixels(batch, size)
        if kind == "train step":
            self._train(model, variables, {"image": image, "label": label})
        else:
            self._forward(model, variables, image)
        self.temp_bytes = temp_bytes(self.program)

    def _forward(self, model, variables, image) -> None:
        forward = lambda variables, x: model.apply(variables, x, train=False)["logits"]
        arguments = jax.device_put((variables, image), jax.devices()[0])
        self.program, self.compile_seconds = compiled(forward, arguments)
        self.run = lambda: jax.block_until_ready(self.program(*arguments))

    def _train(self, model, variables, batch) -> None:
        import optax

        from jaxseg.config import LossConfig
        from jaxseg.losses import build_objective
        from jaxseg.training.step.state import TrainState
        from jaxseg.training.step.steps import train_step

        tx = optax.sgd(RATE, MOMENTUM)
        params = variables["params"]
        state = TrainState(
            step=jnp.zeros((), jnp.int32),
            params=params,
            batch_stats=variables.get("batch_stats", {}),
            opt_state=tx.init(params),
            ema=None,
            rng=jax.random.key(0),
        )
        loss = build_objective(LossConfig())
        alone = lambda outputs, batch: loss({"logits": outputs["logits"]}, batch)
        step = functools.partial(train_step, model=model, tx=tx, loss_fn=alone)
        state, batch = jax.device_put((state, batch), jax.devices()[0])
        program, self.compile_seconds = compiled(step, (state, batch), donate_argnums=0)
        self.program, self.state = program, state

        def run():
            self.state, metrics = program(self.state, batch)
            jax.block_until_ready((self.state, metrics))

        self.run = run


class Theirs:
    """Runs a PyTorch network, either forward or in a training step."""

    def __init__(
        self, entry: Entry, kind: str, batch: int, size: int, side: Torch, dtype: str
    ) -> None:
        network = side.module(entry.peer(CLASSES, size))
        self.parameters = parameters(network)
        self.side, self.half = side, dtype == "bfloat16"
        image, label = pixels(batch, size)
        self.image = side.tensor(image, "oihw", 0, "float32")
        self.label = side.tensor(label, "oihw", 1, "int64")
        self.network = side.compile(network.train(kind == "train step"))
        if kind == "train step":
            options = {"lr": RATE, "momentum": MOMENTUM}
            self.optimizer = side.torch.optim.SGD(network.parameters(), **options)
        self.run = self._train if kind == "train step" else self._forward

    def _logits(self):
        autocast = self.side.torch.autocast(
            self.side.device, self.side.torch.bfloat16, enabled=self.half
        )
        with autocast:
            outputs = self.network(self.image)
        return outputs["out"] if isinstance(outputs, dict) else outputs

    def _forward(self) -> None:
        with self.side.torch.inference_mode():
            self._logits()
        self.side.wait()

    def _train(self) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        cross_entropy = self.side.torch.nn.functional.cross_entropy
        loss = cross_entropy(self._logits().float(), self.label, ignore_index=255)
        loss.backward()
        self.optimizer.step()
        self.side.wait()


def filled(model: Any) -> dict[str, Any]:
    """Creates variables of a network with random kernels, faster than `model.init`.

    Args:
      model: The network.

    Returns:
      The variables, nested dictionaries of NumPy arrays.
    """
    random = np.random.default_rng(0)

    def draw(path, leaf):
        if path[-1].key == "kernel":
            scale = np.sqrt(2 / max(1, np.prod(leaf.shape[:-1])))
            return scale * random.standard_normal(leaf.shape, np.float32)
        one = path[-1].key in ("scale", "var")
        return np.full(leaf.shape, 1.0 if one else 0.0, np.float32)

    return jax.tree_util.tree_map_with_path(draw, variable_shapes(model))


def _count(params: dict[str, Any]) -> int:
    used = {key: value for key, value in params.items() if not key.startswith("aux")}
    return sum(leaf.size for leaf in jax.tree.leaves(used))
