"""Graph operations against loops, and the properties their papers claim."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.ops import graph
from jaxseg.ops.graph import gram, unit

anchor_assignment = jax.jit(graph.anchor_assignment)
anchor_nodes = jax.jit(graph.anchor_nodes)
pool_nodes = jax.jit(graph.pool_nodes, static_argnames="normalize")
spread_nodes = jax.jit(graph.spread_nodes)


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
    assign = anchor_assignment(x, anchor, scale)
    nodes = anchor_nodes(x, assign, anchor, scale)
    np.testing.assert_allclose(assign, q, atol=1e-5)
    np.testing.assert_allclose(nodes, z, atol=1e-5)


def test_anchor_graph_properties():
    x, anchor, scale = case(5)
    assign = np.asarray(anchor_assignment(x, anchor, scale))
    nodes = anchor_nodes(x, assign, anchor, scale)
    adjacency = np.asarray(jax.jit(gram)(nodes))
    np.testing.assert_allclose(assign.sum(-1), 1, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(nodes, axis=-1), 1, atol=1e-5)
    np.testing.assert_allclose(adjacency, np.swapaxes(adjacency, 1, 2), atol=1e-6)
    assert np.linalg.eigvalsh(adjacency).min() > -1e-5
    assert np.abs(adjacency).max() <= 1 + 1e-5
    order = np.random.default_rng(0).permutation(12)
    shuffled = anchor_nodes(x[:, order], assign[:, order], anchor, scale)
    np.testing.assert_allclose(shuffled, nodes, atol=1e-5)


def test_pixels_on_anchors_are_assigned_to_them():
    anchor = draw((4, 6), 3)
    scale = np.full((4, 6), 0.05, np.float32)
    assign = anchor_assignment(anchor[None], anchor, scale)
    np.testing.assert_allclose(assign, np.eye(4)[None], atol=1e-5)


@pytest.mark.slow
def test_an_empty_node_is_zero_and_has_a_finite_gradient():
    x, anchor, scale = case(6)
    assign = np.zeros((2, 12, 3), np.float32)
    assign[:, :, 0] = 1

    @jax.jit
    def run(x, zeros):
        loss = lambda x: jnp.sum(anchor_nodes(x, assign, anchor * 0, scale)[:, 1:])
        slope = jax.grad(lambda v: unit(v).sum())(zeros)
        return *jax.value_and_grad(loss)(x), slope

    value, gradient, slope = run(x, np.zeros((2, 3), np.float32))
    np.testing.assert_array_equal(value, 0)
    assert np.isfinite(gradient).all() and np.isfinite(slope).all()


def test_one_hot_assignment_pools_and_returns_node_features():
    x, node = draw((1, 8, 3)), np.array([0, 1, 1, 2, 0, 2, 2, 1])
    assign = np.eye(3, dtype=np.float32)[node][None]
    pooled = np.asarray(pool_nodes(assign, x))
    want = np.stack([x[0][node == k].sum(0) for k in range(3)])
    np.testing.assert_allclose(pooled[0], want, rtol=1e-5)
    shares = np.asarray(pool_nodes(assign, x, normalize=True))
    np.testing.assert_allclose(shares[0], want / 8, rtol=1e-5)
    spread = np.asarray(spread_nodes(assign, pooled))
    np.testing.assert_allclose(spread[0], want[node], rtol=1e-5)
    again = np.asarray(pool_nodes(assign, spread))[0] / np.bincount(node)[:, None]
    np.testing.assert_allclose(again, want, rtol=1e-5)
