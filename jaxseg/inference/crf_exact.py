"""Exact Gaussian filtering over all pairs of points, in blocks of rows.

The reference of the dense CRF (arXiv 1210.5644): O(N^2) time, but only `block` rows of
the N x N kernel exist at a time, in the gradient too. Practical on an accelerator, or
for small images.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from jaxseg.typing import Array


def exact_filter(features: Array, values: Array, *, block: int = 256) -> Array:
    """sum_j exp(-|f_i - f_j|^2 / 2) values_j.

    Args:
      features: float32 [N, d], in units of the kernel's deviation.
      values: float32 [N, K].
      block: rows of the kernel held at a time; memory is about block * N * 4 bytes.

    Returns: float32 [N, K].
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
    """|a_i - b_j|^2 [M, N] of points [M, d] and [N, d].

    By differences: |a|^2 + |b|^2 - 2ab loses all digits where pixels are alike.
    """
    pairs = zip(first.T, second.T, strict=True)
    return sum((a[:, None] - b[None, :]) ** 2 for a, b in pairs)


def exact_grid_filter(values: Array, sigma: Array) -> Array:
    """The same sum when features are pixel positions / sigma, one axis at a time.

    Args:
      values: float32 [H, W, K].
      sigma: float32 scalar, in pixels.

    Returns: float32 [H, W, K]; no kernel larger than H x H or W x W is made.
    """
    rows, columns = (_axis_kernel(size, sigma) for size in values.shape[:2])
    down = jnp.einsum("ih,hwk->iwk", rows, values, precision="highest")
    return jnp.einsum("jw,iwk->ijk", columns, down, precision="highest")


def _axis_kernel(size: int, sigma: Array) -> Array:
    position = jnp.arange(size, dtype=jnp.float32)[:, None] / sigma
    return jnp.exp(-0.5 * squared_distances(position, position))
