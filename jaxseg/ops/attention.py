"""Softmax attention that need not store the scores of all pairs of positions.

The formulation "plain" stores the scores of all pairs of queries and keys. "block"
iterates over blocks of queries, stores the scores of one block at a time, and computes
them again for the gradient. Its memory therefore grows linearly with the number of
positions, and not with its square. Both give the exact result.

If the rows of a map are sharded over devices, `attend_maps` keeps the queries on their
devices. Few keys are copied to every device, many travel around a ring
(`jaxseg.ops.spatial.ring`).
"""

import jax
import jax.numpy as jnp

from jaxseg.ops.lowering.portable import is_portable
from jaxseg.ops.open_size import certainly_below, is_open
from jaxseg.ops.spatial.attention import shared_attend
from jaxseg.ops.spatial.layout import is_split
from jaxseg.typing import Array

# "auto" keeps the full matrix up to this number of scores per example,
# which are 16 MiB as float32. Above it, memory counts more than the second pass.
PLAIN_LIMIT = 2**22
BLOCK = 512  # Smaller blocks need less memory, but give smaller matrix products.


def attend(
    query: Array,
    key: Array,
    value: Array,
    *,
    scale: float = 1.0,
    impl: str = "auto",
    block: int = BLOCK,
) -> Array:
    """Computes attention, y_n = sum_m softmax_m(scale * q_n . k_m) v_m.

    Scores and softmax are float32.

    Args:
      query: [B, N, H, D], with H heads.
      key: [B, M, H, D].
      value: [B, M, H, E].
      scale: The factor that multiplies the dot products: 1 / sqrt(D) in transformers, 1
        in DANet.
      impl: "plain" stores all scores [B, H, N, M], and "block" stores [B, H, block, M]
        at a time. "auto" means "plain" up to H * N * M = 2**22, otherwise "block".
      block: Number of queries in one block of `impl="block"`.

    Returns:
      [B, N, H, E] in the dtype of `value`.

    Raises:
      ValueError: If `impl` is unknown or `block` is less than 1.
    """
    if impl not in ("auto", "plain", "block"):
        raise ValueError(
            f"impl={impl!r} is invalid: expected 'auto', 'plain' or 'block'."
        )
    if block < 1:
        raise ValueError(f"block={block} is invalid: expected 1 or more.")
    _, count, heads, _ = query.shape
    if impl == "auto":
        small = certainly_below(count * key.shape[1] * heads, PLAIN_LIMIT + 1)
        impl = "plain" if small or is_portable() else "block"
    if impl == "plain":
        return _attend(query, key=key, value=value, scale=scale)
    return _blockwise(query, key=key, value=value, scale=scale, block=block)


def attend_maps(
    query: Array,
    key: Array,
    value: Array,
    *,
    heads: int = 1,
    scale: float = 1.0,
    impl: str = "auto",
) -> Array:
    """Computes attention from the pixels of one map to those of another.

    Args:
      query: [B, H, W, heads * D].
      key: [B, h, w, heads * D].
      value: [B, h, w, heads * E].
      heads: Number of attention heads.
      scale: The factor that multiplies the dot products.
      impl: "plain", "block" or "auto", see `attend`. It does not change how keys travel
        between devices that share a map.

    Returns:
      [B, H, W, heads * E] in the dtype of `value`.
    """

    def local(query, key, value):
        return attend(query, key, value, scale=scale, impl=impl)

    if is_split():
        return shared_attend(local, query, key, value, heads=heads, scale=scale)
    maps = (query, key, value)
    parts = [x.reshape(x.shape[0], -1, heads, x.shape[-1] // heads) for x in maps]
    return local(*parts).reshape(*query.shape[:3], -1)


def scores(query: Array, key: Array, scale: float = 1.0) -> Array:
    """Returns the attention weights: the softmax over the keys of scale * q . k.

    They are float32 [B, H, N, M], for N queries and M keys.
    """
    logits = jnp.einsum(
        "bnhd,bmhd->bhnm", query, key, preferred_element_type=jnp.float32
    )
    return jax.nn.softmax(logits * scale, axis=-1)


def _attend(query, key, value, scale):
    weights = scores(query, key, scale).astype(value.dtype)
    return jnp.einsum("bhnm,bmhe->bnhe", weights, value)


def _blockwise(query, key, value, scale, block):
    """Attends in blocks of queries; `checkpoint` recomputes scores for gradients."""
    batch, count, heads, depth = query.shape
    block = block if is_open(count) else min(block, count)
    steps = -(-count // block)
    padded = jnp.pad(query, ((0, 0), (0, steps * block - count), (0, 0), (0, 0)))
    parts = jnp.moveaxis(padded.reshape(batch, steps, block, heads, depth), 1, 0)
    part = jax.checkpoint(lambda q: _attend(q, key=key, value=value, scale=scale))
    out = jax.lax.map(part, parts)
    out = jnp.moveaxis(out, 0, 1).reshape(batch, steps * block, heads, -1)
    return out[:, :count]
