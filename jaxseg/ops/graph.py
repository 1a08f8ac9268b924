"""From pixels to graph nodes and back: assignment, pooling, re-projection.

GloRe (arXiv 1811.12814) and GINet (arXiv 2009.06160) learn the assignment by a
convolution; "Beyond Grids" (GCU, Li and Gupta, NeurIPS 2018) measures the distance of a
pixel to learned anchors. Faithful to the papers' equations; every division is guarded.
"""

import jax
import jax.numpy as jnp

from jaxseg.typing import Array

EPSILON = 1e-12  # squared length below which a node counts as empty


def pool_nodes(assign: Array, x: Array, *, normalize: bool = False) -> Array:
    """Nodes v_k = sum_n assign[n, k] x[n], divided by N if `normalize`.

    Args:
      assign: [B, N, V], weight of each pixel in each node.
      x: [B, N, C].

    Returns: [B, V, C].
    """
    nodes = jnp.einsum("bnv,bnc->bvc", assign, x)
    return nodes / x.shape[1] if normalize else nodes


def spread_nodes(assign: Array, nodes: Array) -> Array:
    """Back to pixels: y_n = sum_k assign[n, k] nodes[k] [B, N, C]."""
    return jnp.einsum("bnv,bvc->bnc", assign, nodes)


def anchor_assignment(x: Array, anchor: Array, scale: Array) -> Array:
    """q_nk = softmax_k(-||(x_n - anchor_k) / scale_k||^2 / 2), float32.

    The squares are expanded, so that no [N, V, C] tensor is stored.

    Args:
      x: [B, N, C].
      anchor: [V, C].
      scale: [V, C], positive.

    Returns: [B, N, V]; each row sums to 1.
    """
    x, inverse = x.astype(jnp.float32), 1 / jnp.square(scale)
    high = jax.lax.Precision.HIGHEST
    square = jnp.einsum("bnc,vc->bnv", jnp.square(x), inverse, precision=high)
    cross = jnp.einsum("bnc,vc->bnv", x, anchor * inverse, precision=high)
    own = jnp.sum(jnp.square(anchor) * inverse, axis=-1)[None, None]
    return jax.nn.softmax(-(square - 2 * cross + own) / 2, axis=-1)


def anchor_nodes(x: Array, assign: Array, anchor: Array, scale: Array) -> Array:
    """Unit-length mean residual of each node, z_k / ||z_k|| [B, V, C] float32.

    z_k = sum_n q_nk (x_n - anchor_k) / scale_k / sum_n q_nk

    Differs: the sum of a node's assignments is taken as 1e-12 where it is smaller. A
    node that is far from all pixels then tends to -anchor_k / scale_k, where the
    equation gives the residual of its nearest pixel, or 0 / 0 in float32.
    """
    mass = jnp.sum(assign, axis=1)[..., None]
    total = pool_nodes(assign, x.astype(jnp.float32))
    mean = total / jnp.maximum(mass, EPSILON)
    residual = (mean - anchor[None]) / scale[None]
    return unit(residual)


def unit(x: Array) -> Array:
    """x / ||x|| over the last axis; a vector of (almost) no length stays 0."""
    square = jnp.sum(jnp.square(x), axis=-1, keepdims=True)
    return x * jax.lax.rsqrt(jnp.maximum(square, EPSILON))


def gram(nodes: Array) -> Array:
    """Adjacency A = Z Z^T of nodes [B, V, C]: symmetric, positive [B, V, V]."""
    return jnp.einsum("bvc,bwc->bvw", nodes, nodes)
