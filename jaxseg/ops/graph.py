"""Assigns pixels to graph nodes, pools pixels to nodes, and projects nodes to pixels.

GloRe (arXiv 1811.12814) and GINet (arXiv 2009.06160) learn the assignment by a
convolution. "Beyond Grids" (GCU, Li and Gupta, NeurIPS 2018) measures the distance of a
pixel to learned anchors. The functions follow the equations of the papers, but avoid
divisions by 0.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp

from jaxseg.ops.spatial.layout import is_split
from jaxseg.typing import Array

EPSILON = 1e-12  # A node whose squared length is smaller counts as empty.


def pool_nodes(
    assign: Array, x: Array, *, normalize: bool = False, dtype: Any = None
) -> Array:
    """Sums the features of N pixels for V graph nodes: v_k = sum_n assign[n, k] x[n].

    The pixels can be an axis [N] or the axes [H, W] of a map. If the rows of the map
    are sharded over devices, each device sums up its own pixels.

    Args:
      assign: The weight of each pixel in each node, [B, N, V] or [B, H, W, V].
      x: [B, N, C] or [B, H, W, C].
      normalize: Whether to divide by N.
      dtype: The dtype of the result. None keeps that of `x`.

    Returns:
      [B, V, C].
    """
    if x.ndim == 4 and is_split():
        form = "bhwv,bhwc->bvc"
    else:
        assign, x, form = _flat(assign), _flat(x), "bnv,bnc->bvc"
    nodes = jnp.einsum(form, assign, x, preferred_element_type=dtype)
    return nodes / math.prod(x.shape[1:-1]) if normalize else nodes


def spread_nodes(assign: Array, nodes: Array) -> Array:
    """Projects graph nodes [B, V, C] to pixels: y_n = sum_k assign[n, k] nodes[k].

    `assign` is [B, N, V] or [B, H, W, V], and the result is [B, N, C] or [B, H, W, C].
    """
    if assign.ndim == 4 and is_split():
        return jnp.einsum("bhwv,bvc->bhwc", assign, nodes)
    y = jnp.einsum("bnv,bvc->bnc", _flat(assign), nodes)
    return y.reshape(*assign.shape[:-1], -1)


def _flat(x):
    """Flattens the pixels of a map, so that exported programs stay plain."""
    return x.reshape(x.shape[0], -1, x.shape[-1])


def anchor_assignment(x: Array, anchor: Array, scale: Array) -> Array:
    """Computes the soft assignment of each pixel to anchors.

    q_nk = softmax_k(-||(x_n - anchor_k) / scale_k||^2 / 2). The squares are expanded,
    so that no tensor [N, V, C] is stored.

    Args:
      x: [B, N, C] or [B, H, W, C].
      anchor: [V, C].
      scale: [V, C], positive.

    Returns:
      float32 [B, N, V] or [B, H, W, V]. The values of a pixel sum to 1.
    """
    x, inverse = x.astype(jnp.float32), 1 / jnp.square(scale)
    high = jax.lax.Precision.HIGHEST
    square = jnp.einsum("...c,vc->...v", jnp.square(x), inverse, precision=high)
    cross = jnp.einsum("...c,vc->...v", x, anchor * inverse, precision=high)
    own = jnp.sum(jnp.square(anchor) * inverse, axis=-1)
    own = own.reshape((1,) * (x.ndim - 1) + own.shape)
    return jax.nn.softmax(-(square - 2 * cross + own) / 2, axis=-1)


def anchor_nodes(x: Array, assign: Array, anchor: Array, scale: Array) -> Array:
    """Computes the mean difference of pixels to each anchor, as a vector of length 1.

    z_k = sum_n q_nk (x_n - anchor_k) / scale_k / sum_n q_nk

    The result is z_k divided by its length.

    Differs: if sum_n q_nk is below 1e-12, 1e-12 replaces it in the mean of the pixels.
    For an anchor that is far from all pixels, z_k therefore tends to
    -anchor_k / scale_k. By the equation alone, it would be the difference of the
    nearest pixel, or 0 / 0 in float32.

    Args:
      x: [B, N, C] or [B, H, W, C].
      assign: q from `anchor_assignment`, [B, N, V] or [B, H, W, V].
      anchor: [V, C].
      scale: [V, C], positive.

    Returns:
      float32 [B, V, C].
    """
    mass = jnp.sum(assign, axis=tuple(range(1, assign.ndim - 1)))[..., None]
    total = pool_nodes(assign, x.astype(jnp.float32))
    mean = total / jnp.maximum(mass, EPSILON)
    residual = (mean - anchor[None]) / scale[None]
    return unit(residual)


def unit(x: Array) -> Array:
    """Scales the vectors along the last axis to length 1; vectors near 0 become 0."""
    square = jnp.sum(jnp.square(x), axis=-1, keepdims=True)
    return x * jax.lax.rsqrt(jnp.maximum(square, EPSILON))


def gram(nodes: Array) -> Array:
    """Returns the adjacency matrices A = Z Z^T of graphs with the nodes Z [B, V, C].

    The result is [B, V, V]. Each matrix is symmetric and positive semidefinite.
    """
    return jnp.einsum("bvc,bwc->bvw", nodes, nodes)
