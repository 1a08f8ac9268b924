"""Graph operations against loops, and the properties their papers claim."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.ops.graph import (
    anchor_assignment,
    anchor_nodes,
    gram,
    pool_nodes,
    spread_nodes,
    unit,
)


def draw(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def case(seed=0):
    x, anchor = draw((2, 12, 5), seed), draw((3, 5), seed + 1)
    scale = np.random.default_rng(seed + 2).uniform(0.4, 0.9, (3, 5)).astype(np.float32)
    return x, anchor, scale


def test_anchor_graph_equals_loops():
    x, anchor, scale = case()
    q = np.zeros((2, 12, 3))
    z = np.zeros((2, 3, 5))
    for b in range(2):
        for n in range(12):
            d = [np.sum(((x[b, n] - anchor[k]) / scale[k]) ** 2) / 2 for k in range(3)]
            e = np.exp(-(np.array(d) - min(d)))
            q[b, n] = e / e.sum()
        for k in range(3):
            residual = sum(
                q[b, n, k] * (x[b, n] - anchor[k]) / scale[k] for n in range(12)
            )
            mean = residual / q[b, :, k].sum()
            z[b, k] = mean / np.linalg.norm(mean)
    assign = anchor_assignment(*map(jnp.asarray, (x, anchor, scale)))
    nodes = anchor_nodes(
        jnp.asarray(x), assign, jnp.asarray(anchor), jnp.asarray(scale)
    )
    np.testing.assert_allclose(assign, q, atol=1e-5)
    np.testing.assert_allclose(nodes, z, atol=1e-5)


def test_anchor_graph_properties():
    x, anchor, scale = map(jnp.asarray, case(5))
    assign = anchor_assignment(x, anchor, scale)
    nodes = anchor_nodes(x, assign, anchor, scale)
    adjacency = gram(nodes)
    np.testing.assert_allclose(assign.sum(-1), 1, atol=1e-6)
    np.testing.assert_allclose(jnp.linalg.norm(nodes, axis=-1), 1, atol=1e-5)
    np.testing.assert_allclose(adjacency, jnp.swapaxes(adjacency, 1, 2), atol=1e-6)
    assert np.linalg.eigvalsh(np.asarray(adjacency)).min() > -1e-5
    assert np.abs(adjacency).max() <= 1 + 1e-5
    order = np.random.default_rng(0).permutation(12)
    shuffled = anchor_nodes(x[:, order], assign[:, order], anchor, scale)
    np.testing.assert_allclose(shuffled, nodes, atol=1e-5)


def test_pixels_on_anchors_are_assigned_to_them():
    anchor = draw((4, 6), 3)
    scale = jnp.full((4, 6), 0.05)
    assign = anchor_assignment(jnp.asarray(anchor)[None], jnp.asarray(anchor), scale)
    np.testing.assert_allclose(assign[0], np.eye(4), atol=1e-5)


@pytest.mark.slow
def test_an_empty_node_is_zero_and_has_a_finite_gradient():
    x, anchor, scale = map(jnp.asarray, case(6))
    assign = jnp.zeros((2, 12, 3)).at[:, :, 0].set(1.0)
    loss = lambda x: jnp.sum(anchor_nodes(x, assign, anchor * 0, scale)[:, 1:])
    np.testing.assert_array_equal(loss(x), 0)
    assert np.isfinite(jax.grad(loss)(x)).all()
    assert np.isfinite(jax.grad(lambda v: unit(v).sum())(jnp.zeros((2, 3)))).all()


def test_one_hot_assignment_pools_and_returns_node_features():
    x, node = draw((1, 8, 3)), np.array([0, 1, 1, 2, 0, 2, 2, 1])
    assign = jnp.asarray(np.eye(3, dtype=np.float32)[node][None])
    pooled = pool_nodes(assign, jnp.asarray(x))
    want = np.stack([x[0][node == k].sum(0) for k in range(3)])
    np.testing.assert_allclose(pooled[0], want, rtol=1e-5)
    np.testing.assert_allclose(
        pool_nodes(assign, jnp.asarray(x), normalize=True)[0], want / 8, rtol=1e-5
    )
    spread = spread_nodes(assign, pooled)
    np.testing.assert_allclose(spread[0], want[node], rtol=1e-5)
    again = pool_nodes(assign, spread)[0] / np.bincount(node)[:, None]
    np.testing.assert_allclose(again, want, rtol=1e-5)
