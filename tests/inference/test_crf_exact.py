"""The exact filter: float64 sums, and memory that does not grow with N^2."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.inference.crf_exact import exact_filter, exact_grid_filter


@pytest.mark.parametrize("block", [7, 16, 1000])
def test_against_float64(block):
    random = np.random.default_rng(0)
    # Far from the origin and close together: |a|^2 + |b|^2 - 2ab would be rounding.
    features = (300 + random.normal(0, 0.7, (50, 5))).astype(np.float32)
    values = random.normal(size=(50, 4)).astype(np.float32)
    f = features.astype(np.float64)
    kernel = np.exp(-0.5 * ((f[:, None] - f[None]) ** 2).sum(-1))
    found = jax.jit(functools.partial(exact_filter, block=block))(features, values)
    np.testing.assert_allclose(found, kernel @ values, rtol=1e-4, atol=1e-5)


def test_grid_is_the_general_filter_on_positions():
    values = np.random.default_rng(1).normal(size=(6, 9, 2)).astype(np.float32)
    row, column = np.mgrid[:6, :9]
    place = np.stack([column, row], -1).reshape(-1, 2).astype(np.float32) / 1.7
    expected = np.asarray(jax.jit(exact_filter)(place, values.reshape(-1, 2)))
    expected = expected.reshape(values.shape)
    found = jax.jit(exact_grid_filter)(values, np.float32(1.7))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_memory_of_value_and_gradient(full_optimization):
    """Far below the N x N matrix of 64 MiB, for the filter and for its gradient."""
    count, block = 4096, 32

    def loss(features, values):
        return (exact_filter(features, values, block=block) ** 2).sum()

    shapes = [jax.ShapeDtypeStruct((count, d), jnp.float32) for d in (5, 3)]
    for function in (loss, jax.grad(loss, (0, 1))):
        compiled = jax.jit(function).lower(*shapes).compile()
        used = compiled.memory_analysis().temp_size_in_bytes
        assert used < 12 * block * count * 4 < count * count * 4 / 8
