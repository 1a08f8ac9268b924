"""Stochastic depth in transformer layers: which branches it drops, and its rates."""

import jax
import numpy as np
import pytest
from flax import linen as nn

from jaxseg import create_model
from jaxseg.backbones.dinov2 import dinov2
from jaxseg.backbones.dinov3 import dinov3
from jaxseg.nn.drop_path import DropPath
from jaxseg.nn.transformer import TransformerBlock

SMALL = {"depth": 5, "width": 16, "heads": 2}


def test_each_example_keeps_or_loses_each_branch(fill):
    """With the rate 1/2, a branch counts twice or not at all."""
    x = np.random.default_rng(0).normal(size=(32, 2, 4)).astype(np.float32)
    block, plain = TransformerBlock(1, drop_rate=0.5), TransformerBlock(1)
    variables = fill(plain, x.shape)
    evaluate = jax.jit(
        lambda block, v, x: block.apply(v, x, train=False), static_argnums=0
    )

    def branch(x, without):
        """One of the two branches alone; the last layer of the other is zero."""
        params = jax.tree_util.tree_map_with_path(
            lambda path, leaf: leaf * (without not in [key.key for key in path]),
            variables["params"],
        )
        return np.array(evaluate(plain, {"params": params}, x)) - x

    attended = x + 2 * branch(x, "mlp_2")
    results = [
        x,
        attended,
        x + 2 * branch(x, "out"),
        attended + 2 * branch(attended, "out"),
    ]
    rngs = {"dropout": jax.random.key(0)}
    learn = jax.jit(lambda v, x: block.apply(v, x, train=True, rngs=rngs))
    got = np.asarray(learn(variables, x))
    gaps = [np.abs(got - y).max((1, 2)) for y in results]
    assert np.max(np.min(gaps, 0)) < 1e-4
    assert {*np.argmin(gaps, 0)} == {0, 1, 2, 3}
    np.testing.assert_array_equal(
        evaluate(block, variables, x), evaluate(plain, variables, x)
    )


@pytest.mark.parametrize("make", [dinov2, dinov3])
def test_the_rate_grows_with_the_layer(make):
    rates = []

    def noted(run, args, kwargs, context):
        if isinstance(context.module, DropPath):
            rates.append(context.module.rate)
        return run(*args, **kwargs)

    model, size = make(**SMALL, drop_path=0.2), (1, 32, 32, 3)
    image = jax.ShapeDtypeStruct(size, np.float32)
    with nn.intercept_methods(noted):
        jax.eval_shape(model.init, jax.random.key(0), image)
    np.testing.assert_allclose(rates, np.repeat([0, 0.05, 0.1, 0.15, 0.2], 2))


def test_setr_passes_the_rate_on():
    assert create_model("setr_pup_vitti16", 3, drop_path=0.1).backbone.drop_path == 0.1
