"""What XLA plans to allocate for gradients on a CPU, in maps or in weights.

Read from the compiled program, so that nothing runs.
"""

import functools

import jax
import jax.numpy as jnp
import optax
import pytest

from jaxseg import create_model
from jaxseg.config import LossConfig
from jaxseg.losses import build_objective
from jaxseg.ops.conv import conv
from jaxseg.training.step.state import create_state
from jaxseg.training.step.steps import train_step

LAYERS, SIDE, CHANNELS = 8, 65, 32
MAP = 4 * SIDE * SIDE * CHANNELS


def bytes_of(fn, *arguments, **options):
    program = jax.jit(fn, **options).lower(*arguments).compile()
    return program.memory_analysis().temp_size_in_bytes


def array(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)


@pytest.mark.slow
@pytest.mark.parametrize("groups", [1, CHANNELS])
def test_a_layer_keeps_one_map(groups):
    """The backward pass computes transposed or padded copies of the input again."""

    def loss(kernels, x):
        for kernel in kernels:
            x = conv(x, kernel, padding=1, groups=groups)
            x = jax.nn.relu(x - x.mean((0, 1, 2), keepdims=True))
        return jnp.sum(x**2)

    kernels = [array(3, 3, CHANNELS // groups, CHANNELS)] * LAYERS
    used = bytes_of(jax.grad(loss), kernels, array(1, SIDE, SIDE, CHANNELS))
    assert LAYERS * MAP < used < 2 * LAYERS * MAP  # gradients, beside the maps


def test_the_products_of_taps_are_added_one_by_one():
    def loss(kernel, x):
        return jnp.sum(conv(x, kernel, rate=12, padding=12) ** 2)

    used = bytes_of(jax.grad(loss, (0, 1)), array(3, 3, 64, 8), array(1, 33, 33, 64))
    assert used < 3.5 * (4 * 33 * 33 * 64)


@pytest.mark.slow
def test_weights_are_updated_in_place():
    """Besides the gradients, the step makes no copy of its weights."""
    model = create_model("unet", 3, width=64, depth=2)
    tx = optax.sgd(0.1, 0.9)
    state = jax.eval_shape(
        functools.partial(create_state, model, tx, seed=0, image_shape=(1, 16, 16, 3))
    )
    batch = {"image": array(1, 16, 16, 3), "label": jnp.zeros((1, 16, 16), jnp.int32)}
    step = functools.partial(
        train_step, model=model, tx=tx, loss_fn=build_objective(LossConfig())
    )
    used = bytes_of(step, state, batch, donate_argnums=0)
    weights = 4 * sum(leaf.size for leaf in jax.tree.leaves(state.params))
    assert weights < used < 1.3 * weights
