"""Where strides become rates, and the pools that run at a rate."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.backbones.stride import Step, atrous_plan, pool_average, pool_max
from jaxseg.ops.pool import avg_pool, max_pool


def test_a_lost_stride_doubles_only_what_follows():
    plan = atrous_plan((2, 2, 1, 2, 1, 2), 4)
    assert [step.stride for step in plan] == [2, 2, 1, 1, 1, 1]
    assert [step.rate for step in plan] == [1, 1, 1, 1, 2, 2]
    assert [step.next for step in plan] == [1, 1, 1, 2, 2, 4]


def test_the_full_stride_leaves_all_rates_at_one():
    assert all(step.rate == step.next == 1 for step in atrous_plan((4, 2, 2), 16))


@pytest.mark.parametrize("output_stride", [0, 3, 6, 64])
def test_unreachable_output_strides_are_refused(output_stride):
    with pytest.raises(ValueError, match=f"output_stride={output_stride} .*4, 8, 16"):
        atrous_plan((4, 2, 2), output_stride)


@pytest.mark.parametrize("size", (16, 17, 18, 19))
@pytest.mark.parametrize(
    ("window", "padding", "ceil"),
    [(3, 1, False), (3, 0, False), (3, 0, True), (2, 0, True), (2, 0, False)],
)
def test_dense_pooling_contains_the_strided_one(size, window, padding, ceil):
    """Twice in a row: pooling at rate 1, then at rate 2, against two strided pools."""
    x = np.random.default_rng(size).normal(size=(1, size, size, 2))
    x = x.astype(np.float32)
    options = {"window": window, "padding": padding, "ceil": ceil}

    @jax.jit
    def both(x):
        strided = max_pool(max_pool(x, stride=2, **options), stride=2, **options)
        dense = pool_max(x, Step(1, 1, 2), **options)
        return strided, pool_max(dense, Step(1, 2, 4), **options)

    want, dense = jax.device_get(both(x))
    np.testing.assert_array_equal(dense[:, ::4, ::4], want)


@pytest.mark.parametrize("size", [8, 9, 10, 11])
def test_dense_averaging_contains_the_strided_one(size):
    x = np.random.default_rng(size).normal(size=(1, size, size, 2))
    x = x.astype(np.float32)

    @jax.jit
    def both(x):
        strided = avg_pool(avg_pool(x, window=2, stride=2), window=2, stride=2)
        dense = pool_average(x, Step(1, 1, 2), window=2)
        return strided, pool_average(dense, Step(1, 2, 4), window=2)

    want, dense = jax.device_get(both(x))
    np.testing.assert_allclose(dense[:, ::4, ::4], want, rtol=1e-5, atol=1e-6)


def test_a_window_wider_than_the_map_is_refused():
    with pytest.raises(ValueError, match="window of 3 at rate 8"):
        pool_max(jnp.zeros((1, 8, 8, 1)), Step(1, 8, 8), window=3)
