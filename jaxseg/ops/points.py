"""Operations on point clouds: farthest points, nearest neighbors, interpolation.

Clouds of unequal size are padded to form a batch. `mask` is False at padding, which no
operation ever selects, so that results do not depend on the amount of padding. No
gradient flows to the positions, which only determine indices and weights. Sampling and
three-neighbor interpolation follow PointNet++ (arXiv 1706.02413).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from jaxseg.text import one_of
from jaxseg.typing import Array

# The most distances that `nearest` holds at a time, over all clouds.
LIMIT = 2**24
_STARTS = ("outermost", "first")
_PADDING, _TAKEN = -2.0, -1.0  # Both are below every squared distance.


def farthest_points(
    points: Array, count: int, mask: Array | None = None, *, start: str = "outermost"
) -> Array:
    """Chooses `count` points, each the farthest from those chosen before it.

    The first is the point farthest from the centroid, so that the chosen set does not
    depend on the order of the points. Ties go to the lowest index. Padding does not
    count as points. If a cloud has fewer points than `count`, the last indices have no
    meaning.

    Differs: the authors' code begins with point 0 (`start="first"`).

    Args:
      points: Positions [B, N, 3].
      count: Number of points to choose, 1 to N.
      mask: Booleans [B, N], False at padding.
      start: "outermost" (the point farthest from the centroid) or "first" (the first
        point that is not padding).

    Returns:
      Indices of the points, int32 [B, count].

    Raises:
      ValueError: If the count or the start is out of range.
    """
    total = points.shape[1]
    if not 1 <= count <= total:
        raise ValueError(
            f"count={count} is invalid: expected 1 to {total}, the number of points."
        )
    if start not in _STARTS:
        raise ValueError(f"start={start!r} is invalid{one_of(start, _STARTS)}")
    points = lax.stop_gradient(points.astype(jnp.float32))
    mask = jnp.ones(points.shape[:2], bool) if mask is None else mask
    return jax.vmap(lambda p, m: _farthest(p, count=count, mask=m, start=start))(
        points, mask
    )


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
    """Finds the k nearest points of each query.

    The points are sorted by distance. Points at equal distances are sorted by index. If
    a cloud has fewer than k points, the remaining distances are infinite and their
    indices have no meaning. The search computes distances for a block of queries at a
    time, so a full array of M x N distances exists only if it is small.

    Args:
      query: Positions [B, M, 3].
      points: Positions [B, N, 3].
      k: Number of neighbors of each query.
      mask: Booleans [B, N], False at padding.
      block: Number of queries of each example that are processed at a time. By default,
        the number is so large that at most 2**24 distances are stored, and at least 1.

    Returns:
      A pair: indices, int32 [B, M, k], and squared distances, float32 [B, M, k].

    Raises:
      ValueError: If k or block is less than 1.
    """
    if k < 1 or (block is not None and block < 1):
        raise ValueError(f"k={k}, block={block} is invalid: expected numbers >= 1.")
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
    """Joins blocks [blocks, B, block, k] to [B, M, k]."""
    if blocks == 1:
        return x
    x = x.swapaxes(0, 1)
    return x.reshape(x.shape[0], -1, x.shape[-1])[:, :queries]


def _squared(a, b):
    """Returns |a - b|^2 over the last axis.

    Subtracting first loses no digits, unlike the expansion into squares and a product.
    """
    if b.ndim < a.ndim:
        b = b[None]
    return jnp.square(a - b).sum(-1)


def gather(values: Array, index: Array) -> Array:
    """Selects vectors of `values` [B, N, C] by index [B, ...]; returns [B, ..., C]."""
    return jax.vmap(lambda v, i: v[i])(values, index)


def interpolate(values: Array, index: Array, squared: Array) -> Array:
    """Interpolates the values of neighboring points.

    Each neighbor has a weight in proportion to 1 / (distance + 1e-8).

    Differs: PointNet++ weights by the inverse squared distance. The code of Point
    Transformer (arXiv 2012.09164) weights by the inverse distance, as here.

    Args:
      values: [B, N, C].
      index: Indices of the neighbors, [B, M, k], from `nearest`.
      squared: Their squared distances, [B, M, k]. Infinite ones get weight 0.

    Returns:
      The weighted means, [B, M, C].
    """
    weight = 1.0 / (jnp.sqrt(squared) + 1e-8)
    total = weight.sum(-1, keepdims=True)
    weight = weight / jnp.where(total > 0, total, 1.0)
    weight = weight.astype(values.dtype)[..., None]
    return (gather(values, index) * weight).sum(-2)
