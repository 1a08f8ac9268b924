"""Normalization by its definition, and where its statistics come from."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.norm import Norm

SHAPE = (4, 3, 5, 6)


def draw(seed=0):
    return np.random.default_rng(seed).normal(2.0, 3.0, SHAPE).astype(np.float32)


def variables(norm="batch"):
    random = np.random.default_rng(7)
    params = {
        "scale": random.uniform(0.5, 2, 6).astype(np.float32),
        "bias": random.normal(size=6).astype(np.float32),
    }
    if norm == "group":
        return {"params": params}
    stats = {
        "mean": random.normal(size=6).astype(np.float32),
        "var": random.uniform(0.5, 2, 6).astype(np.float32),
    }
    return {"params": params, "batch_stats": stats}


def by_hand(x, state, mean, var, epsilon=1e-5):
    params = state["params"]
    return (x - mean) / np.sqrt(var + epsilon) * params["scale"] + params["bias"]


def test_batch_norm_in_training_and_evaluation():
    x, state = draw(), variables()
    norm = Norm(BlockConfig(momentum=0.8))
    y, new = norm.apply(state, x, train=True, mutable=["batch_stats"])
    mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))
    np.testing.assert_allclose(y, by_hand(x, state, mean, var), rtol=1e-4, atol=1e-4)
    for name, now in (("mean", mean), ("var", var)):
        kept = 0.8 * state["batch_stats"][name] + 0.2 * now
        np.testing.assert_allclose(new["batch_stats"][name], kept, rtol=1e-4)
    old = state["batch_stats"]
    expected = by_hand(x, state, old["mean"], old["var"])
    np.testing.assert_allclose(
        norm.apply(state, x, train=False), expected, rtol=1e-4, atol=1e-4
    )


def test_epsilon_is_added_to_the_variance():
    x, state = draw(), variables()
    state["batch_stats"] = {
        "mean": np.zeros(6, np.float32),
        "var": np.zeros(6, np.float32),
    }
    found = Norm(epsilon=0.25).apply(state, x, train=False)
    expected = 2 * x * state["params"]["scale"] + state["params"]["bias"]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_frozen_uses_running_statistics_and_learns_nothing():
    x, state = draw(), variables()
    norm = Norm(BlockConfig(norm="frozen"))

    def loss(params):
        y, new = norm.apply(
            {**state, "params": params}, x, train=True, mutable=["batch_stats"]
        )
        return (y**2).sum(), new["batch_stats"]

    grads, stats = jax.grad(loss, has_aux=True)(state["params"])
    assert all(not leaf.any() for leaf in jax.tree.leaves(grads))
    np.testing.assert_array_equal(stats["mean"], state["batch_stats"]["mean"])
    old = state["batch_stats"]
    np.testing.assert_allclose(
        norm.apply(state, x, train=True),
        by_hand(x, state, old["mean"], old["var"]),
        rtol=1e-4,
        atol=1e-4,
    )


def test_group_norm_is_per_image_and_group():
    x, state = draw(), variables("group")
    y = Norm(BlockConfig(norm="group", groups=3)).apply(state, x, train=True)
    parts = x.reshape(4, 15, 3, 2)
    mean = parts.mean((1, 3)).repeat(2, -1)[:, None, None]
    var = parts.var((1, 3)).repeat(2, -1)[:, None, None]
    np.testing.assert_allclose(y, by_hand(x, state, mean, var), rtol=1e-3, atol=1e-3)


def test_instance_norm_is_per_image_and_channel():
    x, state = draw(), variables("group")
    mean, var = x.mean((1, 2), keepdims=True), x.var((1, 2), keepdims=True)
    y = Norm(BlockConfig(norm="instance")).apply(state, x, train=False)
    np.testing.assert_allclose(y, by_hand(x, state, mean, var), rtol=1e-3, atol=1e-3)


def test_statistics_under_pmap_are_global_only_with_the_axis_name():
    x, state = draw(), variables()
    parts = x.reshape(2, 2, *SHAPE[1:])

    def run(axis_name):
        norm = Norm(BlockConfig(axis_name=axis_name))
        step = lambda part: norm.apply(state, part, train=True, mutable=["batch_stats"])
        y, new = jax.pmap(step, axis_name="batch", devices=jax.devices()[:2])(parts)
        return np.asarray(y).reshape(SHAPE), np.asarray(new["batch_stats"]["var"])

    whole = Norm().apply(state, x, train=True, mutable=["batch_stats"])[0]
    y, var = run("batch")
    np.testing.assert_allclose(y, whole, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(var[0], var[1])
    apart, var = run(None)
    assert np.abs(apart - whole).max() > 0.01
    assert np.abs(var[0] - var[1]).max() > 0.01


def test_bfloat16_keeps_float32_statistics():
    norm = Norm(BlockConfig(dtype="bfloat16"))
    x = jnp.asarray(draw(), jnp.bfloat16)
    y, new = norm.apply(variables(), x, train=True, mutable=["batch_stats"])
    assert y.dtype == jnp.bfloat16
    assert all(s.dtype == jnp.float32 for s in jax.tree.leaves(new))


@pytest.mark.parametrize(
    "field", [{"norm": "layer"}, {"dtype": "float16"}, {"impl": "fast"}]
)
def test_style_refuses(field):
    ((name, value),) = field.items()
    with pytest.raises(ValueError, match=f"{name}='{value}' is invalid"):
        BlockConfig(**field)
