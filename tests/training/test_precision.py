"""bfloat16 activations; parameters, optimizer, statistics and losses in float32."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from jaxseg.config import LossConfig, OptimConfig
from jaxseg.losses import build_objective
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, ConvNormAct, logits_float32
from jaxseg.training.optim import optimizers as optim
from jaxseg.training.step.options import StepOptions
from jaxseg.training.step.state import create_state
from jaxseg.training.step.steps import train_step


class Net(nn.Module):
    """Two convolutions with batch norm, logits in float32, an auxiliary output."""

    style: BlockConfig

    @nn.compact
    def __call__(self, x, *, train=False):
        x = ConvNormAct(6, style=self.style, name="stem")(x, train=train)
        x = ConvNormAct(6, style=self.style, name="body")(x, train=train)
        heads = [Conv(4, style=self.style, name=n)(x) for n in ("head", "aux_head")]
        return dict(zip(("logits", "aux"), map(logits_float32, heads), strict=True))


def made(dtype, grad_accum_steps):
    """A step and what it takes."""
    model = Net(BlockConfig(dtype=dtype))
    tx, _ = optim.build(OptimConfig(name="lamb", clip_norm=1.0), 10)
    state = create_state(model, tx, seed=0, image_shape=(1, 8, 8, 3), ema=True)
    step = functools.partial(
        train_step,
        model=model,
        tx=tx,
        loss_fn=build_objective(LossConfig(additional=(("dice", 0.5),))),
        options=StepOptions(ema=0.9, grad_accum_steps=grad_accum_steps),
    )
    random = np.random.default_rng(0)
    image = random.normal(size=(4, 8, 8, 3)).astype(np.float32)
    batch = {"image": image, "label": random.integers(0, 4, (4, 8, 8))}
    return step, state, batch


def types(tree):
    return {str(leaf.dtype) for leaf in jax.tree.leaves(tree)}


@pytest.mark.slow
def test_only_activations_are_bfloat16():
    for grad_accum_steps in (1, 2):
        step, state, batch = made("bfloat16", grad_accum_steps)
        program, (new, metrics) = jax.make_jaxpr(step, return_shape=True)(state, batch)
        for part in (new.params, new.batch_stats, new.ema):
            assert types(part) == {"float32"}
        assert types(new.opt_state) == {"float32", "int32"}
        assert types(metrics) == {"float32", "int32"}
        program = str(program)
        convolved = re.findall(r":(\w+)\[[\d,]*\] = conv_general_dilated", program)
        assert set(convolved) == {"bf16"}
        # exponentials and logarithms of the losses
        softmax = re.findall(r":(\w+)\[[\d,]*\] = (?:exp|log)\b", program)
        assert softmax and set(softmax) == {"f32"}
    _, metrics = jax.jit(step)(state, batch)
    plain, state, batch = made("float32", 2)
    _, wanted = jax.jit(plain)(state, batch)
    np.testing.assert_allclose(metrics["loss"], wanted["loss"], rtol=0.02)


def test_updates_below_bfloat16s_resolution_are_kept():
    """1 + 2^-10 is 1 in bfloat16: parameters there would never move."""
    step, state, batch = made("bfloat16", 1)
    small = functools.partial(step, tx=optax.sgd(1e-3))
    opt_state = optax.sgd(1e-3).init(state.params)
    new, _ = jax.jit(small)(state.replace(opt_state=opt_state), batch)
    before, after = (s.params["body"]["norm"]["scale"] for s in (state, new))
    assert np.all(before == 1) and np.all(after != 1)
    assert np.all(jnp.asarray(after, jnp.bfloat16) == 1)
