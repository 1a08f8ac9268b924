"""A jaxseg network inside an nnx program, and inside a bare functional loop."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import jaxseg

MODEL = jaxseg.create_model("unet", 3, width=4, depth=2)
SHAPE = (2, 16, 20, 3)


def image(seed=0):
    return np.random.default_rng(seed).normal(size=SHAPE).astype(np.float32)


def label():
    return np.random.default_rng(1).integers(0, 3, SHAPE[:3])


def wrapped(variables):
    """The recipe of docs/guide/python.md: wrap, attach the linen variables."""
    module = nnx.bridge.ToNNX(MODEL, rngs=nnx.Rngs(0)).lazy_init(image())
    state = nnx.state(module, (nnx.Param, nnx.BatchStat))
    nnx.replace_by_pure_dict(
        state, merge(variables["params"], variables["batch_stats"])
    )
    nnx.update(module, state)
    return module


def merge(a, b):
    """Both collections share one tree of attributes on the nnx side."""
    if not isinstance(a, dict) or not isinstance(b, dict):
        return a
    return {k: merge(a.get(k, b.get(k)), b.get(k, a.get(k))) for k in {**a, **b}}


@pytest.mark.slow
def test_same_logits_through_nnx(fill):
    variables = fill(MODEL, SHAPE)
    module = wrapped(variables)
    expected = MODEL.apply(variables, image(), train=False)["logits"]
    np.testing.assert_allclose(module(image())["logits"], expected, atol=1e-6)


@pytest.mark.slow
def test_training_inside_nnx_lowers_the_loss(fill):
    module = wrapped(fill(MODEL, SHAPE))
    optimizer = nnx.Optimizer(module, optax.adam(1e-2), wrt=nnx.Param)
    before = np.array(jax.tree.leaves(nnx.state(module, nnx.BatchStat))[0])

    @nnx.jit
    def step(module, optimizer):
        def loss(module):
            out = module(image(), train=True, mutable=["batch_stats"])
            return optax.softmax_cross_entropy_with_integer_labels(
                out["logits"], label()
            ).mean()

        value, grads = nnx.value_and_grad(loss)(module)
        optimizer.update(module, grads)
        return value

    losses = [float(step(module, optimizer)) for _ in range(5)]
    assert losses[-1] < losses[0]
    after = np.array(jax.tree.leaves(nnx.state(module, nnx.BatchStat))[0])
    assert np.abs(after - before).max() > 0  # the running statistics moved


@pytest.mark.slow
def test_functional_loop_lowers_the_loss(fill):
    """Nothing but `apply`: params in, gradients out."""
    variables = fill(MODEL, SHAPE)
    params, stats = variables["params"], variables["batch_stats"]
    tx = optax.adam(1e-2)

    @jax.jit
    def step(params, stats, opt_state):
        def loss(params):
            out, new = MODEL.apply(
                {"params": params, "batch_stats": stats},
                image(),
                train=True,
                mutable=["batch_stats"],
            )
            values = optax.softmax_cross_entropy_with_integer_labels(
                out["logits"], jnp.asarray(label())
            )
            return values.mean(), new["batch_stats"]

        (value, stats_new), grads = jax.value_and_grad(loss, has_aux=True)(params)
        updates, opt_state_new = tx.update(grads, opt_state, params)
        return optax.apply_updates(params, updates), stats_new, opt_state_new, value

    opt_state, losses = tx.init(params), []
    for _ in range(5):
        params, stats, opt_state, value = step(params, stats, opt_state)
        losses.append(float(value))
    assert losses[-1] < losses[0]
