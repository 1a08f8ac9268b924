"""Turns a map and tokens that belong to no pixel, such as class tokens, into tokens.

If the rows of the map are sharded over devices, `jaxseg.ops.spatial.tokens` keeps the
tokens of each pixel on the device that holds it. The tokens then have another order,
and every device has a copy of the tokens that belong to no pixel.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp

import jaxseg.ops.spatial.tokens as sharded
from jaxseg.ops.attention import attend
from jaxseg.ops.spatial.layout import is_split
from jaxseg.typing import Array, Size


class TokenGrid(NamedTuple):
    """Describes the tokens of a map.

    Attributes:
      size: The height and width of the map.
      own: The number of tokens that belong to no pixel. They come first.
    """

    size: Size
    own: int = 0

    def join(self, own: Array, x: Array) -> Array:
        """Joins tokens [B, own, C] and a map [B, h, w, C] to tokens [B, N, C].

        N is own + h * w on one device. It can be greater if the map is sharded.
        """
        if is_split():
            return sharded.to_tokens(own, x)
        pixels = x.reshape(x.shape[0], -1, x.shape[-1])
        return jnp.concatenate([own, pixels], axis=1)

    def arrange(self, x: Array) -> Array:
        """Brings values of all tokens, [own + h * w, C], into the order of `join`."""
        if not is_split():
            return x
        grid = x[self.own :].reshape(1, *self.size, -1)
        return self.join(x[None, : self.own], grid)[0]

    def pixels(self, tokens: Array) -> Array:
        """Returns the map [B, h, w, C] of tokens [B, N, C]."""
        if is_split():
            return sharded.to_map(tokens, self.own, self.size)
        shape = (tokens.shape[0], *self.size, tokens.shape[-1])
        return tokens[:, self.own :].reshape(shape)

    def others(self, tokens: Array) -> Array:
        """Returns the tokens that belong to no pixel, [B, own, C]."""
        if is_split():
            return sharded.own_tokens(tokens, self.own)
        return tokens[:, : self.own]

    def attend(
        self, query: Array, key: Array, value: Array, *, scale: float, impl: str
    ) -> Array:
        """Computes the attention of all tokens to all tokens.

        Args:
          query: [B, N, H, D], with H heads.
          key: [B, N, H, D].
          value: [B, N, H, E].
          scale: The factor that multiplies the dot products.
          impl: The formulation on one device, see `jaxseg.ops.attention.attend`.

        Returns:
          [B, N, H, E].
        """
        if not is_split():
            return attend(query, key, value, scale=scale, impl=impl)
        return sharded.attend_sharded(
            query, key, value, own=self.own, size=self.size, scale=scale
        )
