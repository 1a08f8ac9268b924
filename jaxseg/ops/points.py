"""Operations on point clouds: farthest points, nearest neighbors, interpolation.

Clouds of unequal size share a batch by padding: `mask` is False at padding, which no
operation ever selects, so that results do not depend on how much of it there is.
Positions get no gradient: what is returned are choices, and weights made of them.
Sampling and three-neighbor interpolation follow PointNet++ (arXiv 1706.02413).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from jaxseg.typing import Array

LIMIT = 2**24  # distances held at a time by `nearest`, over all clouds
_STARTS = ("outermost", "first")
_PADDING, _TAKEN = -2.0, -1.0  # below every squared distance


def farthest_points(
    points: Array, count: int, mask: Array | None = None, *, start: str = "outermost"
) -> Array:
    """Numbers of `count` points, each the farthest from those before, int32 [B, count].

    The first is the point farthest from the centroid, so that the set chosen does not
    depend on the order of the points; of equally far ones the lowest number is taken.
    Behind the last true point of a cloud the numbers mean nothing.

    Differs: the authors' code begins with point 0 (`start="first"`).

    Args:
      points: positions [B, N, 3].
      count: 1 to N.
      mask: bool [B, N], False at padding.
      start: "outermost" or "first" (the first true point).

    Raises:
      ValueError: for a count or a start that is not allowed.
    """
    total = points.shape[1]
    if not 1 <= count <= total:
        raise ValueError(f"count is {count}; allowed: 1 to {total}, the points")
    if start not in _STARTS:
        raise ValueError(f"start is {start!r}; allowed: {_STARTS}")
    points = lax.stop_gradient(points.astype(jnp.float32))
    mask = jnp.ones(points.shape[:2], bool) if mask is None else mask
    return jax.vmap(lambda p, m: _farthest(p, count, m, start))(points, mask)


def _farthest(points, count, mask, start):
    if start == "first":
        first = jnp.argmax(mask)
    else:
        share = mask[:, None].astype(points.dtype)
        centroid = (points * share).sum(0) / jnp.maximum(share.sum(), 1)
        first = jnp.argmax(jnp.where(mask, _squared(points, centroid), _PADDING))

    def step(carry, _):
        distance, last = carry
        distance = jnp.minimum(distance, _squared(points, points[last]))
        distance = distance.at[last].set(_TAKEN)
        return (distance, jnp.argmax(distance)), last.astype(jnp.int32)

    distance = jnp.where(mask, jnp.inf, _PADDING)
    _, chosen = lax.scan(step, (distance, first), length=count)
    return chosen


def nearest(
    query: Array,
    points: Array,
    k: int,
    mask: Array | None = None,
    *,
    block: int | None = None,
) -> tuple[Array, Array]:
    """The k nearest points of each query: numbers and squared distances [B, M, k].

    Nearest first; of equally near ones the lowest number first. Where a cloud has fewer
    than k points the remaining distances are infinite and their numbers mean nothing.
    Distances are taken for a block of queries at a time; there is never an M x N array
    unless it is small.

    Args:
      query: positions [B, M, 3].
      points: positions [B, N, 3].
      k: number of neighbors; more than N gives N and infinite ones.
      mask: bool [B, N], False at padding.
      block: queries at a time; by default so many that `LIMIT` distances are held.

    Raises:
      ValueError: for k or block below 1.
    """
    if k < 1 or (block is not None and block < 1):
        raise ValueError(f"k is {k} and block is {block}; allowed: 1 or more")
    batch, queries, total = query.shape[0], query.shape[1], points.shape[1]
    query, points = (lax.stop_gradient(x.astype(jnp.float32)) for x in (query, points))
    mask = jnp.ones((batch, total), bool) if mask is None else mask
    block = min(block or max(1, LIMIT // (batch * total)), queries)
    blocks = -(-queries // block)
    padded = jnp.pad(query, ((0, 0), (0, blocks * block - queries), (0, 0)))
    parts = padded.reshape(batch, blocks, block, 3).swapaxes(0, 1)

    def search(part):
        squared = _squared(part[:, :, None], points[:, None])
        squared = jnp.where(mask[:, None], squared, jnp.inf)
        value, index = lax.top_k(-squared, min(k, total))
        return index.astype(jnp.int32), -value

    found = search(parts[0]) if blocks == 1 else lax.map(search, parts)
    index, squared = (_joined(x, blocks, queries) for x in found)
    missing = ((0, 0), (0, 0), (0, max(0, k - total)))
    return jnp.pad(index, missing), jnp.pad(squared, missing, constant_values=jnp.inf)


def _joined(x, blocks, queries):
    """Blocks [blocks, B, block, k] as [B, M, k]."""
    if blocks == 1:
        return x
    x = x.swapaxes(0, 1)
    return x.reshape(x.shape[0], -1, x.shape[-1])[:, :queries]


def _squared(a, b):
    """|a - b|^2 over the last axis; differences first, which loses no digits."""
    if b.ndim < a.ndim:
        b = b[None]
    return jnp.square(a - b).sum(-1)


def gather(values: Array, index: Array) -> Array:
    """Rows [B, ..., C] of `values` [B, N, C] by number, index [B, ...]."""
    return jax.vmap(lambda v, i: v[i])(values, index)


def interpolate(values: Array, index: Array, squared: Array) -> Array:
    """Mean of neighbors' values weighted by 1 / (distance + 1e-8), [B, M, C].

    Differs: PointNet++ weights by the inverse squared distance; Point Transformer's
    code (arXiv 2012.09164) by the inverse distance.

    Args:
      values: [B, N, C].
      index: neighbors [B, M, k], as `nearest` gives them.
      squared: their squared distances; infinite ones get no weight.
    """
    weight = 1.0 / (jnp.sqrt(squared) + 1e-8)
    total = weight.sum(-1, keepdims=True)
    weight = weight / jnp.where(total > 0, total, 1.0)
    weight = weight.astype(values.dtype)[..., None]
    return (gather(values, index) * weight).sum(-2)
