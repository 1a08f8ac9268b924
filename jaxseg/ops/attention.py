"""Softmax attention that need not hold the N x N matrix.

The plain form stores every score; the blockwise form walks over the queries, keeps the
scores of one block at a time and computes them again for the gradient, so that memory
grows with N, not N squared. Both are the same sum: no approximation.
"""

import jax
import jax.numpy as jnp

from jaxseg.typing import Array

PLAIN_LIMIT = 2**22  # scores per example up to which "auto" keeps the full matrix
BLOCK = 512


def attend(
    query: Array,
    key: Array,
    value: Array,
    *,
    scale: float = 1.0,
    impl: str = "auto",
    block: int = BLOCK,
) -> Array:
    """y_n = sum_m softmax_m(scale * q_n . k_m) v_m, scores and softmax in float32.

    Args:
      query: [B, N, H, D], H heads.
      key: [B, M, H, D].
      value: [B, M, H, E].
      scale: factor on the scores; 1 / sqrt(D) in transformers, 1 in DANet.
      impl: "plain" stores [B, H, N, M]; "block" stores [B, H, block, M]; "auto" takes
        the plain form while H * N * M <= 2**22.
      block: queries per step of the blockwise form.

    Returns: [B, N, H, E] in the type of `value`.
    """
    if impl not in ("auto", "plain", "block"):
        raise ValueError(
            f'impl {impl!r} is unknown; allowed are "auto", "plain" and "block"'
        )
    if block < 1:
        raise ValueError(f"block {block} must be at least 1")
    _, count, heads, _ = query.shape
    large = count * key.shape[1] * heads > PLAIN_LIMIT
    if impl == "plain" or (impl == "auto" and not large):
        return _attend(query, key, value, scale)
    return _blockwise(query, key, value, scale, block)


def scores(query: Array, key: Array, scale: float = 1.0) -> Array:
    """The attention weights themselves, softmax over the keys [B, H, N, M] float32."""
    logits = jnp.einsum(
        "bnhd,bmhd->bhnm", query, key, preferred_element_type=jnp.float32
    )
    return jax.nn.softmax(logits * scale, axis=-1)


def _attend(query, key, value, scale):
    weights = scores(query, key, scale).astype(value.dtype)
    return jnp.einsum("bhnm,bmhe->bnhe", weights, value)


def _blockwise(query, key, value, scale, block):
    """One block of queries at a time; `checkpoint` recomputes its scores backwards."""
    batch, count, heads, depth = query.shape
    block = min(block, count)
    steps = -(-count // block)
    padded = jnp.pad(query, ((0, 0), (0, steps * block - count), (0, 0), (0, 0)))
    parts = jnp.moveaxis(padded.reshape(batch, steps, block, heads, depth), 1, 0)
    part = jax.checkpoint(lambda q: _attend(q, key, value, scale))
    out = jax.lax.map(part, parts)
    out = jnp.moveaxis(out, 0, 1).reshape(batch, steps * block, heads, -1)
    return out[:, :count]
