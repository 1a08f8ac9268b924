"""Maps written out once or made late are the maps they were."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AbstractMesh, AxisType

from jaxseg.ops.lowering.scheduling import materialize, order_after


def test_a_kept_map_is_itself_in_value_and_derivative():
    x = jnp.asarray([1.5, -0.0, jnp.inf, jnp.nan], jnp.float32)
    slope = jnp.asarray([1.0, 2.0, 3.0, 4.0], jnp.float32)
    value, pull = jax.vjp(materialize, x)
    np.testing.assert_array_equal(value, x)
    assert np.signbit(value[1])
    np.testing.assert_array_equal(pull(slope)[0], slope)
    np.testing.assert_array_equal(jax.jvp(materialize, (x,), (slope,))[1], slope)
    assert materialize(x.astype(jnp.bfloat16)).dtype == jnp.bfloat16


def test_a_kept_map_has_all_transformations():
    square = lambda x: jnp.sum(materialize(x**2) ** 2)
    x = jnp.asarray([1.0, 2.0])
    np.testing.assert_allclose(jax.hessian(square)(x), np.diag([12.0, 48.0]))
    np.testing.assert_allclose(jax.vmap(jax.grad(square))(x[None]), [[4.0, 32.0]])


def test_a_kept_map_is_a_selection_on_a_cpu_alone():
    traced = jax.jit(jax.grad(lambda x: jnp.sum(materialize(x)))).trace(jnp.ones(3))
    here = traced.lower(lowering_platforms=("cpu",)).as_text()
    there = traced.lower(lowering_platforms=("tpu",)).as_text()
    assert "stablehlo.select" in here and "stablehlo.select" not in there


@pytest.mark.parametrize("value", [2.0, -2.0, 0.0, jnp.nan, jnp.inf])
def test_what_comes_after_a_value_is_unchanged_by_it(value):
    x = jnp.asarray([1.5, 0.0, -jnp.inf, jnp.nan], jnp.float32)
    waiting, pull = jax.vjp(order_after, x, jnp.float32(value))
    np.testing.assert_array_equal(waiting, x)
    slope = jnp.asarray([1.0, 2.0, 3.0, 4.0], jnp.float32)
    toward, of_value = pull(slope)
    np.testing.assert_array_equal(toward, slope)
    assert of_value == 0
    assert order_after(x.astype(jnp.bfloat16), jnp.float32(value)).dtype == jnp.bfloat16


def test_what_comes_after_a_value_has_all_transformations():
    square = lambda x, value: jnp.sum(order_after(x**2, value) ** 2)
    x, value = jnp.asarray([1.0, 2.0]), jnp.float32(3)
    np.testing.assert_allclose(jax.hessian(square)(x, value), np.diag([12.0, 48.0]))
    both = jax.vmap(jax.grad(square))(x[None], value[None])
    np.testing.assert_allclose(both, [[4.0, 32.0]])


def test_several_devices_do_not_wait_for_a_value():
    devices = AbstractMesh((4,), ("batch",), axis_types=(AxisType.Auto,))
    wait = lambda: order_after(jnp.ones(3), jnp.float32(1))
    with jax.sharding.use_abstract_mesh(devices):
        assert "after" not in str(jax.make_jaxpr(wait)())
    assert "after" in str(jax.make_jaxpr(wait)())
