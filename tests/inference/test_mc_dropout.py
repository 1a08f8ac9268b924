"""Monte-Carlo dropout against a plain loop over the same keys."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.inference import entropy, mc_dropout
from jaxseg.models.segnet import bayesian_segnet_basic


def coin(variables, image, rngs):
    """Logits of two classes, the first one up or down by a coin per pixel."""
    up = jax.random.bernoulli(rngs["dropout"], 0.5, image.shape[:3])
    first = jnp.where(up, 1.0, -1.0) * variables
    return {"logits": jnp.stack([first, jnp.zeros_like(first)], -1)}


def test_moments_are_those_of_the_loop():
    image, key, samples = jnp.zeros((2, 3, 4, 1)), jax.random.key(3), 17
    got = jax.jit(lambda: mc_dropout(coin, 1.7, image, key, samples))()

    @jax.jit
    def one(key):
        return jax.nn.softmax(coin(1.7, image, {"dropout": key})["logits"])

    keys = jax.random.split(key, samples)
    each = np.stack([one(k) for k in keys]).astype(np.float64)
    mean = each.mean(0)
    np.testing.assert_allclose(got.mean, mean, atol=1e-6)
    np.testing.assert_allclose(got.variance, each.var(0).mean(-1), atol=1e-6)
    np.testing.assert_allclose(got.entropy, -(mean * np.log(mean)).sum(-1), atol=1e-5)


def test_certain_and_uniform_entropy():
    probability = jnp.asarray([[1.0, 0.0, 0.0, 0.0], [0.25] * 4])
    found = jax.jit(entropy)(probability)
    np.testing.assert_allclose(found, [0, np.log(4)], atol=1e-6)


def test_network_without_dropout_has_no_variance():
    image = jnp.asarray(np.random.default_rng(0).normal(size=(1, 4, 4, 3)), jnp.float32)
    still = lambda variables, x, rngs: {"logits": 3 * x}
    got = jax.jit(lambda x, key: mc_dropout(still, None, x, key, 5))(
        image, jax.random.key(0)
    )
    np.testing.assert_allclose(got.mean, jax.nn.softmax(3 * image), atol=1e-6)
    np.testing.assert_allclose(got.variance, 0, atol=1e-12)


def test_bayesian_segnet_says_where_it_is_unsure(fill):
    model = bayesian_segnet_basic(3, width=3)
    image = np.random.default_rng(0).normal(size=(1, 16, 24, 3)).astype(np.float32)
    variables = fill(model, image.shape)
    run = jax.jit(lambda v, x, k: mc_dropout(model.apply, v, x, k, 6))
    got = run(variables, image, jax.random.key(0))
    assert got.mean.shape == (1, 16, 24, 3)
    np.testing.assert_allclose(got.mean.sum(-1), 1, atol=1e-5)
    assert got.entropy.shape == got.variance.shape == (1, 16, 24)
    assert got.entropy.min() > 0 and got.entropy.max() <= np.log(3) + 1e-5
    assert got.variance.max() > 1e-4
    again = run(variables, image, jax.random.key(0))
    np.testing.assert_array_equal(got.mean, again.mean)
    other = run(variables, image, jax.random.key(1))
    assert np.abs(got.mean - other.mean).max() > 1e-3


def test_at_least_one_sample():
    with pytest.raises(ValueError, match="samples=0"):
        mc_dropout(coin, 1.0, jnp.zeros((1, 2, 2, 1)), jax.random.key(0), 0)
