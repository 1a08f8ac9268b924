"""The written-out gradient of batch normalization against the derived one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.norm import Norm
from jaxseg.ops.gradient_norm import gradient_and_norm
from jaxseg.ops.lowering.norm_vjp import batch_normalized, on_one_cpu


def derived(x, scale, bias):
    """The definition, whose gradient JAX derives."""
    axes = tuple(range(x.ndim - 1))
    mean, var = x.mean(axes), x.var(axes)
    return (x - mean) / jnp.sqrt(var + 0.1) * scale + bias, mean, var


def arguments(shape=(3, 4, 5, 6), dtype=np.float32):
    random = np.random.default_rng(0)
    x = random.normal(1.0, 2.0, shape).astype(dtype)
    return x, *random.uniform(0.5, 2, (2, shape[-1])).astype(np.float32)


@pytest.mark.parametrize("shape", [(3, 4, 5, 6), (7, 2)])
def test_values_and_gradients_equal_the_definition(shape):
    given = arguments(shape)
    found, pull = jax.vjp(lambda *a: batch_normalized(0.1, *a), *given)
    with jax.numpy_rank_promotion("allow"):
        wanted, pull_wanted = jax.vjp(derived, *given)
    random = np.random.default_rng(1)
    toward = tuple(random.normal(size=v.shape).astype(np.float32) for v in wanted)
    gradients = pull(toward), pull_wanted(toward)
    for one, other in zip(
        (*found, *gradients[0]), (*wanted, *gradients[1]), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-4)


def test_a_constant_channel_has_a_finite_gradient():
    x = np.full((2, 3, 3, 1), 7.3, np.float32)
    ones = np.ones(1, np.float32)
    sum_of = lambda x: (batch_normalized(1e-5, x, ones, ones)[0] ** 2).sum()
    value, gradient = jax.value_and_grad(sum_of)(x)
    np.testing.assert_allclose(value, 18, rtol=1e-3)
    assert np.isfinite(gradient).all()


def test_the_type_of_the_map_is_kept():
    x, scale, bias = arguments()
    x = jnp.asarray(x, jnp.bfloat16)
    (y, mean, _), pull = jax.vjp(lambda x: batch_normalized(0.1, x, scale, bias), x)
    assert y.dtype == jnp.bfloat16 and mean.dtype == jnp.float32
    zero = jnp.zeros(6)
    assert pull((y, zero, zero))[0].dtype == jnp.bfloat16


def test_networks_on_one_cpu_use_it():
    x, state = (
        arguments()[0],
        Norm().init(jax.random.key(0), arguments()[0], train=True),
    )

    def loss(params, style):
        variables = {**state, "params": params}
        y, new = Norm(style).apply(variables, x, train=True, mutable=["batch_stats"])
        return (y**3).sum(), new["batch_stats"]

    styles = BlockConfig(), BlockConfig(impl="lax")
    both = [jax.grad(loss, has_aux=True)(state["params"], style) for style in styles]
    for one, other in zip(*map(jax.tree.leaves, both), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-3)
    text = [
        str(jax.make_jaxpr(loss, static_argnums=1)(state["params"], s)) for s in styles
    ]
    assert ["custom_vjp" in t for t in text] == [on_one_cpu(), False] == [True, False]


def test_the_norm_counts_small_and_large_leaves():
    random = np.random.default_rng(0)
    shapes = {"scalar": (), "bias": (5,), "kernel": (3, 3, 40, 50)}
    gradient = {k: random.normal(size=s).astype(np.float32) for k, s in shapes.items()}
    same, norm = jax.jit(gradient_and_norm)(gradient)
    squares = sum((leaf.astype(np.float64) ** 2).sum() for leaf in gradient.values())
    np.testing.assert_allclose(norm, np.sqrt(squares), rtol=1e-6)
    for key, leaf in gradient.items():
        np.testing.assert_array_equal(same[key], leaf)
