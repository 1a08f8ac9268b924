"""Inputs of a network, and its compiled gradient in training."""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxseg import create_model
from jaxseg.nn.block_config import BlockConfig
from tests.contract.rows import ROWS

# Large and odd: some slow forms of a program appear on large maps only.
SIZE = (257, 289)
CLOUD = (160, 160)  # a cloud has as many points as the image is high


def shapes_of(row, batch, size):
    """Shape of the labels, and those of the inputs: an image, or positions and features.

    A cloud has as many points as the image is high.
    """
    channels = row.get("channels", 3)
    if row.get("task") == "points":
        label = (batch, size[0])
        return label, [(*label, 3), (*label, channels)]
    return (batch, *size), [(batch, *size, channels)]


def narrow_model(name: str, impl: str = "auto") -> nn.Module:
    """Returns the tiny variant of a network, with three classes."""
    return create_model(name, 3, style=BlockConfig(impl=impl), **ROWS[name]["narrow"])


@dataclasses.dataclass(frozen=True)
class Gradient:
    """A compiled gradient in training mode, and what it takes."""

    program: jax.stages.Compiled
    variables: dict
    inputs: list[np.ndarray]
    traces: int  # for two equal models made one after the other

    def run(self) -> dict:
        """Returns the gradient of every parameter."""
        return jax.device_get(self.program(self.variables, *self.inputs))


def compiled_gradient(name: str, fill: Callable, impl: str = "auto") -> Gradient:
    """Compiles the gradient of a random linear functional of all outputs.

    Args:
        name: a network with a tiny variant.
        fill: the fixture that draws variables.
        impl: which implementation of the operators the network uses.
    """
    points = ROWS[name].get("task") == "points"
    _, shapes = shapes_of(ROWS[name], 2, CLOUD if points else SIZE)
    variables = fill(narrow_model(name, impl), *shapes)
    random = np.random.default_rng(0)
    inputs = [random.normal(size=shape).astype(np.float32) for shape in shapes]
    traces = []

    def gradients(model, variables, *inputs):
        traces.append(model)
        loss = functools.partial(_functional, model, variables, inputs)
        return jax.grad(loss)(variables["params"])

    run = jax.jit(gradients, static_argnums=0)
    for _ in range(2):
        lowered = run.lower(narrow_model(name, impl), variables, *inputs)
    return Gradient(lowered.compile(), variables, inputs, len(traces))


def _functional(model, variables, inputs, params):
    outputs, _ = model.apply(
        {**variables, "params": params},
        *inputs,
        train=True,
        mutable=["batch_stats"],
        rngs={"dropout": jax.random.key(0)},
    )
    return sum(_projection(i, y) for i, y in enumerate(outputs.values()))


def _projection(seed, y):
    """A linear functional with irregular weights: no symmetry hides a gradient."""
    place = jnp.arange(y.size, dtype=jnp.uint32) + jnp.uint32(seed)
    for factor in (2654435761, 2246822519):
        place = (place ^ (place >> 15)) * jnp.uint32(factor)
    weights = place.astype(jnp.float32) / 2.0**31 - 1
    return jnp.mean(y.astype(jnp.float32) * weights.reshape(y.shape))
