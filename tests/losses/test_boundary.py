"""Distance maps against scipy; boundary and edge losses against slow forms."""

import jax
import numpy as np
import pytest
from scipy import ndimage

from jaxseg.losses import (
    boundary,
    cross_entropy,
    edge_cross_entropy,
    edge_target,
    signed_distance,
    weighted_mean,
)


def slow_distance(region, rest):
    """The authors' map: outside distance minus (inside distance - 1)."""
    if not region.any() or not rest.any():
        return np.zeros(region.shape)
    outside = ndimage.distance_transform_edt(~region)
    inside = ndimage.distance_transform_edt(~rest)
    return np.where(region, 1 - inside, outside)


@pytest.mark.parametrize("density", [0.02, 0.5, 0.98])
def test_distance_is_scipys(density):
    random = np.random.default_rng(1)
    region = random.random((2, 17, 23, 3)) < density
    region[0, ..., 0], region[1, ..., 0] = False, True
    ours = np.asarray(jax.jit(signed_distance)(region, ~region))
    for b in range(2):
        for k in range(3):
            expected = slow_distance(region[b, ..., k], ~region[b, ..., k])
            np.testing.assert_allclose(ours[b, ..., k], expected, atol=1e-5)


def test_boundary_equals_slow_form(example, same_as):
    def slow(p, label):
        total = 0.0
        for b in range(len(label)):
            for k in range(3):
                rest = (label[b] != k) & (label[b] != 255)
                distance = slow_distance(label[b] == k, rest)
                total += (distance * p[b, ..., k])[label[b] != 255].sum()
        return total / 3 / (label != 255).sum()

    same_as(boundary, slow, *example)


def test_boundary_prefers_the_true_region():
    label = np.zeros((1, 8, 8), np.int32)
    label[:, :, 4:] = 1
    right = 20 * np.eye(2, dtype=np.float32)[label]
    shifted = np.roll(right, 2, axis=2)
    mean = jax.jit(lambda z: weighted_mean(*boundary(z, label)))
    low, high = (float(mean(z)) for z in (right, shifted))
    assert low < 0 < high - low


def test_edges_by_hand():
    label = np.array([[[0, 0, 0, 1, 1, 255, 2, 2]]])
    run = lambda y: (edge_target(y), edge_target(y, radius=2), edge_target(y.mT))
    edge, wide, column = jax.device_get(jax.jit(run)(label))
    assert edge[0, 0].astype(int).tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
    assert wide[0, 0].astype(int).tolist() == [0, 1, 1, 1, 1, 0, 1, 0]
    np.testing.assert_array_equal(column[0, :, 0], edge[0, 0])


def slow_edge(z, label, radius):
    above = 0.0
    edge = np.zeros(label.shape, bool)
    for b, y, x in np.ndindex(label.shape):
        window = label[
            b,
            max(0, y - radius) : y + radius + 1,
            max(0, x - radius) : x + radius + 1,
        ]
        edge[b, y, x] = label[b, y, x] != 255 and len({*window.flat} - {255}) > 1
    known = label != 255
    plus, minus = edge.sum(), (known & ~edge).sum()
    p = 1 / (1 + np.exp(-z[..., 0]))
    above = minus / known.sum() * -np.log(p[edge]).sum()
    above += plus / known.sum() * -np.log(1 - p[known & ~edge]).sum()
    return above / known.sum()


@pytest.mark.parametrize("radius", [1, 2])
def test_edge_loss_equals_slow_form(radius):
    random = np.random.default_rng(2)
    label = np.repeat(np.repeat(random.integers(0, 3, (2, 3, 4)), 4, 1), 4, 2)
    label[:, :2, :3] = 255
    z = random.normal(0, 2, (*label.shape, 1)).astype(np.float32)
    run = lambda z: weighted_mean(*edge_cross_entropy(z, label, radius=radius))
    ours = jax.jit(run)(z)
    np.testing.assert_allclose(ours, slow_edge(z, label, radius), rtol=1e-5)


def test_edges_and_others_weigh_the_same():
    """At logit 0 every pixel loses log 2: both groups sum to N+ N- / N of it."""
    label = np.zeros((1, 6, 10), np.int32)
    label[..., 5:] = 1
    run = lambda z: (edge_target(label), edge_cross_entropy(z, label))
    zeros = np.zeros((1, 6, 10, 1), np.float32)
    edge, (value, _) = jax.device_get(jax.jit(run)(zeros))
    expected = 12 * 48 / 60 * np.log(2)
    np.testing.assert_allclose(value[edge].sum(), expected, rtol=1e-6)
    np.testing.assert_allclose(value[~edge].sum(), expected, rtol=1e-6)


def test_one_class_has_no_edge_and_no_edge_loss():
    ones, label = np.ones((1, 3, 3, 1), np.float32), np.zeros((1, 3, 3), int)
    value, weight = jax.jit(edge_cross_entropy)(ones, label)
    assert not np.any(value) and np.all(weight)


def test_wrong_arguments_are_named(example):
    logits, label = example
    with pytest.raises(ValueError, match=r"expected \(2, 3, 4, 1\)"):
        edge_cross_entropy(logits, label)
    with pytest.raises(ValueError, match="radius=0 is invalid"):
        edge_target(label, radius=0)
    with pytest.raises(ValueError, match=r"logits\.shape="):
        cross_entropy(logits[..., 0], label)
