"""Pooling against slow loops, first-maximum gradients, unpooling positions."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.ops.pool import (
    adaptive_avg_pool,
    adaptive_max_pool,
    avg_pool,
    max_pool,
    max_pool_argmax,
)
from jaxseg.ops.unpool import bed_of_nails, max_unpool, nearest

CASES = [
    # height, width, window, stride, padding, ceil
    (8, 6, 2, 2, 0, False),
    (9, 7, 2, 2, 0, False),
    (9, 7, 2, 2, 0, True),
    (9, 8, 3, 2, 1, False),
    (8, 8, 3, 2, 1, True),
    (7, 9, 3, 2, 0, True),
    (9, 9, 3, 1, 1, False),
    (10, 10, 2, 3, 0, True),
]


def tied(shape, seed=0):
    """Small integers: every window has ties."""
    return np.random.default_rng(seed).integers(0, 3, shape).astype(np.float32)


def windows(x, window, stride, padding, ceil):
    """Yields (row, column, [(y, x) of the pixels inside the map])."""
    sizes = []
    for n in x.shape[1:3]:
        span = n + 2 * padding - window
        count = (-(-span // stride) if ceil else span // stride) + 1
        if ceil and (count - 1) * stride >= n + padding:
            count -= 1
        sizes.append(count)
    for i in range(sizes[0]):
        for j in range(sizes[1]):
            inside = [
                (y, z)
                for y in range(i * stride - padding, i * stride - padding + window)
                for z in range(j * stride - padding, j * stride - padding + window)
                if 0 <= y < x.shape[1] and 0 <= z < x.shape[2]
            ]
            yield i, j, sizes, inside


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=str)
def test_max_pool_value_and_first_maximum_gradient(case):
    h, w, window, stride, padding, ceil = case
    x = tied((2, h, w, 3))
    options = {"window": window, "stride": stride, "padding": padding, "ceil": ceil}
    shape = jax.eval_shape(partial(max_pool, **options), x).shape
    ct = np.random.default_rng(1).normal(size=shape).astype(np.float32)

    @jax.jit
    def run(x, ct):
        y, pull = jax.vjp(partial(max_pool, **options), x)
        return y, pull(ct)[0], max_pool(x, impl="lax", **options)

    y, found, plain = run(x, ct)
    value, grad = np.zeros(y.shape), np.zeros(x.shape)
    for i, j, sizes, inside in windows(x, window, stride, padding, ceil):
        assert y.shape[1:3] == tuple(sizes)
        for b in range(2):
            for c in range(3):
                best = max(inside, key=lambda p: x[b, p[0], p[1], c])  # the first one
                value[b, i, j, c] = x[b, best[0], best[1], c]
                grad[b, best[0], best[1], c] += ct[b, i, j, c]
    np.testing.assert_array_equal(y, value)
    np.testing.assert_allclose(found, grad, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(plain, value)


def test_max_pool_lets_nan_through():
    x = np.zeros((1, 4, 4, 1), np.float32)
    x[0, 1, 1, 0] = np.nan
    y = np.asarray(jax.jit(lambda x: jax.vjp(partial(max_pool, window=2), x)[0])(x))
    assert np.isnan(y[0, 0, 0, 0]) and not np.isnan(y[0, 1:, :, 0]).any()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_avg_pool(case):
    """The padding belongs to the mean, or it does not."""
    h, w, window, stride, padding, ceil = case
    x = tied((2, h, w, 3))
    options = {"window": window, "stride": stride, "padding": padding, "ceil": ceil}

    @jax.jit
    def run(x):
        return [avg_pool(x, count_include_pad=c, **options) for c in (True, False)]

    with_padding, without = map(np.asarray, run(x))
    for i, j, _, inside in windows(x, window, stride, padding, ceil):
        total = sum(x[:, a, b] for a, b in inside)
        top, left = i * stride - padding, j * stride - padding
        area = (min(top + window, h + padding) - top) * (
            min(left + window, w + padding) - left
        )
        np.testing.assert_allclose(with_padding[:, i, j], total / area, rtol=1e-5)
        np.testing.assert_allclose(without[:, i, j], total / len(inside), rtol=1e-5)


@pytest.mark.parametrize("size", [(7, 10), (6, 6), (3, 2)])
def test_adaptive_pools(size):
    x = np.random.default_rng(0).normal(size=(2, *size, 3)).astype(np.float32)
    run = jax.jit(lambda x: (adaptive_avg_pool(x, 3), adaptive_max_pool(x, 3)))
    mean, top = map(np.asarray, run(x))
    for i in range(3):
        for j in range(3):
            rows = slice(i * size[0] // 3, -(-(i + 1) * size[0] // 3))
            columns = slice(j * size[1] // 3, -(-(j + 1) * size[1] // 3))
            part = x[:, rows, columns]
            np.testing.assert_allclose(
                mean[:, i, j], part.mean((1, 2)), rtol=1e-4, atol=1e-6
            )
            np.testing.assert_array_equal(top[:, i, j], part.max((1, 2)))


@pytest.mark.parametrize("size", [(6, 8), (7, 5)])
def test_unpool_puts_values_back(size):
    """Values return to the pixel they came from, the first of equals; the rest is 0."""
    x = tied((2, *size, 3)) + 1
    back = jax.jit(lambda x: max_unpool(*max_pool_argmax(x), size))(x)
    expected = np.zeros_like(x)
    for _, _, _, inside in windows(x, 2, 2, 0, True):
        for b in range(2):
            for c in range(3):
                y, z = max(inside, key=lambda p: x[b, p[0], p[1], c])
                expected[b, y, z, c] = x[b, y, z, c]
    np.testing.assert_array_equal(back, expected)


def test_unpool_gradient_gathers():
    x = tied((1, 7, 6, 2))
    ct = np.random.default_rng(2).normal(size=x.shape).astype(np.float32)

    @jax.jit
    def run(x, ct):
        pooled, position = max_pool_argmax(x)
        _, pull = jax.vjp(lambda p: max_unpool(p, position, (7, 6)), pooled)
        again = max_unpool(pull(ct)[0], position, (7, 6))
        return again, max_unpool(jnp.ones_like(pooled), position, (7, 6))

    again, mask = run(x, ct)
    np.testing.assert_allclose(again, ct * mask, rtol=1e-6)


def test_argmax_gradient_goes_to_the_first_maximum():
    x = tied((2, 7, 6, 3))
    ct = np.random.default_rng(2).normal(size=(2, 4, 3, 3)).astype(np.float32)

    @jax.jit
    def run(x, ct):
        pulls = [
            jax.vjp(f, x)[1]
            for f in (
                lambda x: max_pool_argmax(x)[0],
                lambda x: max_pool(x, window=2, ceil=True),
            )
        ]
        return [pull(ct)[0] for pull in pulls]

    np.testing.assert_array_equal(*run(x, ct))


def test_unpool_refuses_impossible_sizes():
    with pytest.raises(ValueError, match="height=9 is invalid: expected 7 or 8"):
        max_unpool(jnp.zeros((1, 4, 4, 1)), jnp.zeros((1, 4, 4, 1), jnp.int8), (9, 8))


def test_nails_and_nearest():
    x = np.arange(1, 5, dtype=np.float32).reshape(1, 2, 2, 1)
    nails = np.zeros((4, 6))
    nails[0, 0], nails[0, 3], nails[2, 0], nails[2, 3] = 1, 2, 3, 4
    run = lambda x: [
        bed_of_nails(x, (2, 3)),
        bed_of_nails(x, (2, 3), (3, 5)),
        nearest(x, (2, 1)),
    ]
    whole, cut, near = (np.asarray(y)[0, :, :, 0] for y in jax.jit(run)(x))
    np.testing.assert_array_equal(whole, nails)
    np.testing.assert_array_equal(cut, nails[:3, :5])
    np.testing.assert_array_equal(near, [[1, 2], [1, 2], [3, 4], [3, 4]])


def test_no_window_starts_in_the_padding_behind_the_map():
    """Caffe's rule, and PyTorch's: three windows would fit, the third reads no pixel."""
    x = np.arange(9, dtype=np.float32).reshape(1, 3, 3, 1)
    y = jax.jit(partial(max_pool, window=2, stride=2, padding=1, ceil=True))(x)
    np.testing.assert_array_equal(np.asarray(y)[0, :, :, 0], [[0, 2], [6, 8]])
