"""Gated-SCNN's dual-task loss and GINet's class-presence loss."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxseg.losses
from jaxseg.losses import image_class_weights, image_weighted_cross_entropy
from jaxseg.losses.presence import presence_cross_entropy

boundary_strength = jax.jit(jaxseg.losses.boundary_strength, static_argnames="radius")
dual_task = jax.jit(jaxseg.losses.dual_task, static_argnames="gumbel")
edge_attention = jax.jit(jaxseg.losses.edge_attention)

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
            boundary_strength(x, radius),
            strength_loops(x, radius),
            atol=1e-5,
        )


def test_constant_map_has_no_boundary_and_a_finite_gradient():
    x = np.full((1, 8, 8, 2), 0.3, np.float32)

    @jax.jit
    def run(x):
        value, pull = jax.vjp(boundary_strength, x)
        return value, pull(jnp.ones_like(value))[0]

    value, gradient = run(x)
    np.testing.assert_array_equal(value, 0)
    np.testing.assert_array_equal(gradient, 0)


@pytest.mark.slow
def test_dual_task_is_zero_at_the_truth_and_positive_off_it():
    value, weight = map(np.asarray, dual_task(60 * one_hot(LABEL), LABEL))
    np.testing.assert_allclose(value, 0, atol=1e-6)
    assert 0 < weight.sum() < weight.size
    wrong = 60 * one_hot(np.roll(LABEL, 3, 2))
    assert np.sum(dual_task(wrong, LABEL)[0]) > 1


def test_dual_task_has_a_gradient_that_moves_the_boundary():
    """A descent step from a shifted map lowers the loss: the derivative is real."""
    logits = 4 * one_hot(np.roll(LABEL, 1, 2))
    loss = jax.jit(jax.value_and_grad(lambda z: dual_task(z, LABEL)[0].sum()))
    start, grad = jax.device_get(loss(logits))
    assert np.isfinite(grad).all() and np.abs(grad).max() > 1e-3
    assert loss(logits - 0.5 * grad)[0] < start


@pytest.mark.slow
def test_dual_task_void_has_no_weight_and_no_gradient():
    label = LABEL.copy()
    label[:, :4] = 255
    logits = np.random.default_rng(1).normal(size=(1, 12, 14, 3)).astype(np.float32)
    value, weight = map(np.asarray, dual_task(logits, label))
    assert weight[:, :4].sum() == 0 and value[:, :4].sum() == 0
    grad = jax.jit(jax.grad(lambda z: dual_task(z, label)[0].sum()))(logits)
    np.testing.assert_array_equal(np.asarray(grad)[:, :4], 0)
    everywhere = np.full_like(label, 255)
    assert not np.any(dual_task(logits, everywhere)[1])
    assert np.isnan(dual_task(logits, np.full_like(label, 7))[0]).all()


def test_gumbel_sampling_depends_on_the_step():
    logits = one_hot(LABEL)
    total = lambda **options: np.sum(dual_task(logits, LABEL, **options)[0])
    values = [total(step=np.int32(step)) for step in (0, 1, 0)]
    assert values[0] == values[2] != values[1]
    plain = total(step=np.int32(0), gumbel=False)
    np.testing.assert_allclose(plain, total(), rtol=1e-6)


def test_image_class_weights():
    label = np.array([[[0, 0, 0, 1]], [[2, 2, 255, 255]]], np.int32)
    want = [[1.25, 1.75, 1.0], [1.0, 1.0, 1.0]]
    logits = np.zeros((2, 1, 4, 3), np.float32)
    weights, (value, weight) = jax.jit(
        lambda z, label: (
            image_class_weights(label, 3),
            image_weighted_cross_entropy(z, label),
        )
    )(logits, label)
    np.testing.assert_allclose(weights, want, rtol=1e-6)
    want = np.log(3) * np.array([[[1.25, 1.25, 1.25, 1.75]], [[1, 1, 0, 0]]])
    np.testing.assert_allclose(np.multiply(value, weight), want, rtol=1e-5)


def test_edge_attention_counts_edges_alone():
    logits = np.random.default_rng(2).normal(size=(1, 12, 14, 3)).astype(np.float32)
    edge = np.full((1, 12, 14, 1), 1.3, np.float32)  # sigmoid 0.79, and 0.82 of 1.5
    edge[:, 3, 5] = 1.5
    value, weight = map(np.asarray, edge_attention(logits, LABEL, edge=edge))
    assert weight.sum() == 1 and weight[0, 3, 5] == 1
    full, _ = jax.jit(image_weighted_cross_entropy)(logits, LABEL)
    np.testing.assert_array_equal(value, full)
    _, weight = edge_attention(logits, LABEL, edge=edge, threshold=0.7)
    assert np.sum(weight) == LABEL.size


def test_presence():
    label = np.array([[[0, 0], [2, 255]], [[255, 255], [255, 255]]], np.int32)
    logits = np.array([[1.0, 2.0, -0.5], [3.0, 3.0, 3.0]], np.float32)
    value, weight = map(np.asarray, jax.jit(presence_cross_entropy)(logits, label))
    want = np.log1p(np.exp([-1.0, 2.0, 0.5]))
    np.testing.assert_allclose(value[0], want, rtol=1e-5)
    np.testing.assert_array_equal(weight, [[1, 1, 1], [0, 0, 0]])
    np.testing.assert_array_equal(value[1], 0)
