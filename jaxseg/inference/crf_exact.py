"""Filters with an exact Gaussian over all pairs of points, one block of rows at a time.

This is the reference implementation for the dense CRF (arXiv 1210.5644). It takes
O(N^2) time, but only `block` rows of the N x N kernel are in memory at once, even when
the gradient is computed. It is practical on an accelerator or for small images.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from jaxseg.typing import Array


def exact_filter(features: Array, values: Array, *, block: int = 256) -> Array:
    """Returns sum_j exp(-|f_i - f_j|^2 / 2) values_j for every point i.

    Args:
      features: The features f in units of the standard deviation, float32 [N, d].
      values: The values of the points, float32 [N, K].
      block: The number of rows of the kernel that are in memory at once, which take
        about block * N * 4 bytes.

    Returns:
      The sums, float32 [N, K].
    """
    count = len(features)
    block = min(block, count)
    rows = -(-count // block) * block
    targets = jnp.pad(features, ((0, rows - count), (0, 0)))

    @jax.checkpoint
    def filter_block(targets, features, values):
        kernel = jnp.exp(-0.5 * squared_distances(targets, features))
        return jnp.matmul(kernel, values, precision="highest")

    filtered = lax.map(
        lambda targets: filter_block(targets, features, values),
        targets.reshape(-1, block, features.shape[1]),
    )
    return filtered.reshape(rows, -1)[:count]


def squared_distances(first: Array, second: Array) -> Array:
    """Returns |a_i - b_j|^2, [M, N], for points a [M, d] and b [N, d].

    It computes a_i - b_j first, because |a|^2 + |b|^2 - 2ab is inaccurate for points
    that are close together.
    """
    pairs = zip(first.T, second.T, strict=True)
    return sum((a[:, None] - b[None, :]) ** 2 for a, b in pairs)


def exact_grid_filter(values: Array, sigma: Array) -> Array:
    """Filters pixel values with an exact Gaussian of their positions.

    The result equals that of `exact_filter` with the features position / sigma.

    It filters one axis at a time, so that no kernel is larger than H x H or W x W.

    Args:
      values: The values of the pixels, float32 [H, W, K].
      sigma: The standard deviation in pixels, a float32 scalar.

    Returns:
      The sums, float32 [H, W, K].
    """
    rows, columns = (_axis_kernel(size, sigma) for size in values.shape[:2])
    down = jnp.einsum("ih,hwk->iwk", rows, values, precision="highest")
    return jnp.einsum("jw,iwk->ijk", columns, down, precision="highest")


def _axis_kernel(size: int, sigma: Array) -> Array:
    position = jnp.arange(size, dtype=jnp.float32)[:, None] / sigma
    return jnp.exp(-0.5 * squared_distances(position, position))
