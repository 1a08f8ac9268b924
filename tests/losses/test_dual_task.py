"""Gated-SCNN's dual-task loss and GINet's class-presence loss."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.losses import (
    boundary_strength,
    dual_task,
    edge_attention,
    image_class_weights,
    image_weighted_cross_entropy,
)
from jaxseg.losses.presence import presence_cross_entropy

LABEL = np.zeros((1, 12, 14), np.int32)
LABEL[:, :, 7:] = 1
LABEL[:, 8:, :4] = 2


def one_hot(label, classes=3):
    return np.eye(classes, dtype=np.float32)[label]


def strength_loops(x, radius):
    """zeta in NumPy: triangle filter, central differences, borders repeated."""
    taps = np.concatenate([np.arange(1, radius + 2), np.arange(radius, 0, -1)])
    taps = taps / (radius + 1) ** 2
    for axis in (1, 2):
        wide = np.pad(
            x, [(radius, radius) if a == axis else (0, 0) for a in range(4)], "edge"
        )
        x = np.apply_along_axis(lambda v: np.convolve(v, taps, "valid"), axis, wide)
    slopes = []
    for axis in (1, 2):
        wide = np.pad(x, [(1, 1) if a == axis else (0, 0) for a in range(4)], "edge")
        after = np.take(wide, range(2, wide.shape[axis]), axis)
        slopes.append((after - np.take(wide, range(x.shape[axis]), axis)) / 2)
    return np.sqrt((slopes[0] ** 2 + slopes[1] ** 2) / 2)


def test_boundary_strength_equals_loops():
    x = np.random.default_rng(0).random((2, 9, 11, 3)).astype(np.float32)
    for radius in (0, 2, 4):
        np.testing.assert_allclose(
            boundary_strength(jnp.asarray(x), radius),
            strength_loops(x, radius),
            atol=1e-5,
        )


def test_constant_map_has_no_boundary_and_a_finite_gradient():
    x = jnp.full((1, 8, 8, 2), 0.3)
    np.testing.assert_array_equal(boundary_strength(x), 0)
    grad = jax.jit(jax.grad(lambda x: boundary_strength(x).sum()))(x)
    np.testing.assert_array_equal(grad, 0)


@pytest.mark.slow
def test_dual_task_is_zero_at_the_truth_and_positive_off_it():
    right = jnp.asarray(60 * one_hot(LABEL))
    value, weight = dual_task(right, LABEL)
    np.testing.assert_allclose(value, 0, atol=1e-6)
    assert 0 < weight.sum() < weight.size
    wrong = jnp.asarray(60 * one_hot(np.roll(LABEL, 3, 2)))
    assert dual_task(wrong, LABEL)[0].sum() > 1


def test_dual_task_has_a_gradient_that_moves_the_boundary():
    """A descent step from a shifted map lowers the loss: the derivative is real."""
    logits = jnp.asarray(4 * one_hot(np.roll(LABEL, 1, 2)))
    loss = jax.jit(lambda z: dual_task(z, LABEL)[0].sum())
    start, grad = jax.jit(jax.value_and_grad(loss))(logits)
    assert np.isfinite(grad).all() and jnp.abs(grad).max() > 1e-3
    assert loss(logits - 0.5 * grad) < start


@pytest.mark.slow
def test_dual_task_void_has_no_weight_and_no_gradient():
    label = LABEL.copy()
    label[:, :4] = 255
    logits = jnp.asarray(
        np.random.default_rng(1).normal(size=(1, 12, 14, 3)), jnp.float32
    )
    value, weight = dual_task(logits, label)
    assert weight[:, :4].sum() == 0 and value[:, :4].sum() == 0
    grad = jax.jit(jax.grad(lambda z: dual_task(z, label)[0].sum()))(logits)
    np.testing.assert_array_equal(grad[:, :4], 0)
    everywhere = np.full_like(label, 255)
    assert dual_task(logits, everywhere)[1].sum() == 0
    assert np.isnan(dual_task(logits, np.full_like(label, 7))[0]).all()


def test_gumbel_sampling_depends_on_the_step():
    logits = jnp.asarray(one_hot(LABEL))
    values = [dual_task(logits, LABEL, step=s)[0].sum() for s in (0, 1, 0)]
    assert values[0] == values[2] != values[1]
    plain = dual_task(logits, LABEL, step=0, gumbel=False)[0].sum()
    np.testing.assert_allclose(plain, dual_task(logits, LABEL)[0].sum(), rtol=1e-6)


def test_image_class_weights():
    label = np.array([[[0, 0, 0, 1]], [[2, 2, 255, 255]]], np.int32)
    want = [[1.25, 1.75, 1.0], [1.0, 1.0, 1.0]]
    np.testing.assert_allclose(image_class_weights(label, 3), want, rtol=1e-6)
    logits = jnp.zeros((2, 1, 4, 3))
    value, weight = image_weighted_cross_entropy(logits, label)
    want = np.log(3) * np.array([[[1.25, 1.25, 1.25, 1.75]], [[1, 1, 0, 0]]])
    np.testing.assert_allclose(value * weight, want, rtol=1e-5)


def test_edge_attention_counts_edges_alone():
    label = LABEL
    logits = jnp.asarray(
        np.random.default_rng(2).normal(size=(1, 12, 14, 3)), jnp.float32
    )
    edge = jnp.full((1, 12, 14, 1), 1.3).at[:, 3, 5].set(1.5)  # sigmoid 0.79, 0.82
    value, weight = edge_attention(logits, label, edge=edge)
    assert weight.sum() == 1 and weight[0, 3, 5] == 1
    full, _ = image_weighted_cross_entropy(logits, label)
    np.testing.assert_array_equal(value, full)
    assert (
        edge_attention(logits, label, edge=edge, threshold=0.7)[1].sum() == LABEL.size
    )


def test_presence():
    label = np.array([[[0, 0], [2, 255]], [[255, 255], [255, 255]]], np.int32)
    logits = jnp.asarray([[1.0, 2.0, -0.5], [3.0, 3.0, 3.0]])
    value, weight = presence_cross_entropy(logits, label)
    want = np.log1p(np.exp([-1.0, 2.0, 0.5]))
    np.testing.assert_allclose(value[0], want, rtol=1e-5)
    np.testing.assert_array_equal(weight, [[1, 1, 1], [0, 0, 0]])
    np.testing.assert_array_equal(value[1], 0)
