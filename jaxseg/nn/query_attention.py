"""Attention of learned queries to pixels and to each other, as in DETR and Mask2Former.

The positions of queries and pixels are added to the queries and keys, but not to the
values. A mask limits which pixels a query reads (arXiv 2112.01527, section 3.2.1).
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.transformer import LayerNorm, Linear
from jaxseg.typing import Array

_EPSILON = 1e-5  # Of all normalizations.


class JointProjection(nn.Module):
    """Projects queries, keys and values by the three parts of one matrix."""

    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, *inputs: Array) -> list[Array]:
        """Maps three arrays [B, N, C] to three of the same shapes."""
        width = inputs[0].shape[-1]
        init = nn.initializers.xavier_uniform()
        kernel = self.param("kernel", init, (width, 3 * width))
        bias = self.param("bias", nn.initializers.zeros, (3 * width,))
        kernel, bias = (x.astype(self.style.dtype) for x in (kernel, bias))
        parts = zip(
            inputs, jnp.split(kernel, 3, axis=1), jnp.split(bias, 3), strict=True
        )
        return [
            jnp.einsum("bnc,cd->bnd", x.astype(self.style.dtype), matrix)
            + shift.reshape(1, 1, -1)
            for x, matrix, shift in parts
        ]


class QueryAttention(nn.Module):
    """Applies multi-head attention with separate queries, keys and values.

    Attributes:
      heads: Number of attention heads.
      joint: Whether one matrix projects queries, keys and values, as in PyTorch's
        `MultiheadAttention`, or three matrices do. Both compute the same function.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    heads: int = 8
    joint: bool = False
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(
        self, query: Array, key: Array, value: Array, mask: Array | None = None
    ) -> Array:
        """Computes the attention.

        Args:
          query: [B, N, C].
          key: [B, M, C].
          value: [B, M, C].
          mask: Which keys each query reads, booleans [B, N, M]; None for all. Each
            query must read at least one key.

        Returns:
          [B, N, C].

        Raises:
          ValueError: If the heads do not divide the channels.
        """
        batch, _, width = query.shape
        if width % self.heads:
            raise ValueError(
                f"heads={self.heads} is invalid: expected a divisor of the width, "
                f"{width}."
            )
        if self.joint:
            parts = JointProjection(self.style, name="qkv")(query, key, value)
        else:
            named = {"query": query, "key": key, "value": value}
            parts = [
                Linear(width, self.style, name=name)(x) for name, x in named.items()
            ]
        depth = width // self.heads
        q, k, v = (x.reshape(batch, -1, self.heads, depth) for x in parts)
        q = q * jnp.asarray(depth**-0.5, q.dtype)
        scores = jnp.einsum("bnhd,bmhd->bhnm", q, k, preferred_element_type=jnp.float32)
        if mask is not None:
            scores = jnp.where(mask[:, None], scores, jnp.finfo(jnp.float32).min)
        weights = jax.nn.softmax(scores, axis=-1).astype(v.dtype)
        y = jnp.einsum("bhnm,bmhd->bnhd", weights, v).reshape(query.shape)
        return Linear(width, self.style, name="out")(y)


class QueryLayer(nn.Module):
    """Updates queries from the pixels of a map, from each other and by an MLP.

    A residual connection and a normalization follow each of the three parts.

    Attributes:
      heads: Number of attention heads.
      hidden: Number of channels inside the MLP.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    heads: int = 8
    hidden: int = 2048
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(
        self, x: Array, positions: Array, pixels: Array, keys: Array, mask: Array
    ) -> Array:
        """Updates the queries.

        Args:
          x: The queries, [B, N, C].
          positions: The positions of the queries, [B, N, C].
          pixels: The pixels of the map, [B, M, C].
          keys: The pixels with their positions added, [B, M, C].
          mask: Which pixels each query reads, booleans [B, N, M].

        Returns:
          [B, N, C].
        """
        cross = QueryAttention(self.heads, True, self.style, name="cross")
        x = self._added(x, cross(x + positions, keys, pixels, mask), "cross_norm")
        own = QueryAttention(self.heads, False, self.style, name="self")
        placed = x + positions
        x = self._added(x, own(placed, placed, x), "self_norm")
        y = jax.nn.relu(Linear(self.hidden, self.style, name="mlp_1")(x))
        y = Linear(x.shape[-1], self.style, name="mlp_2")(y)
        return self._added(x, y, "mlp_norm")

    def _added(self, x: Array, y: Array, name: str) -> Array:
        return LayerNorm(_EPSILON, self.style, name=name)(x + y)
