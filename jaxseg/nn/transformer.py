"""Pre-norm transformer encoder layer of ViT (arXiv 2010.11929).

It computes x += MHSA(LN x) and then x += MLP(LN x). GELU is exact, and the epsilon of
LayerNorm is 1e-6 unless stated otherwise. Softmax, statistics and parameters are
float32.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.drop_path import DropPath
from jaxseg.nn.layers import Dropout
from jaxseg.ops.attention import attend
from jaxseg.ops.residual import residual_add
from jaxseg.ops.rotary import rotate
from jaxseg.ops.tokens import TokenGrid
from jaxseg.typing import Array


class LayerNorm(nn.Module):
    """Normalizes the last axis in float32 and then applies a learned scale and bias."""

    epsilon: float = 1e-6
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [..., C] to the same shape, in `style.dtype`."""
        channels = x.shape[-1]
        scale = self.param("scale", nn.initializers.ones, (channels,))
        bias = self.param("bias", nn.initializers.zeros, (channels,))
        x = x.astype(jnp.float32)
        mean = jnp.mean(x, axis=-1, keepdims=True)
        variance = jnp.mean(jnp.square(x - mean), axis=-1, keepdims=True)
        lead = (1,) * (x.ndim - 1)
        y = (x - mean) * jax.lax.rsqrt(variance + self.epsilon)
        y = y * scale.reshape(*lead, -1) + bias.reshape(*lead, -1)
        return y.astype(self.style.dtype)


class Linear(nn.Module):
    """Computes y = x W + b on the last axis of x, with learned W and b.

    Without `bias`, there is no b.
    """

    features: int
    style: BlockConfig = BlockConfig()
    bias: bool = True

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [..., C] to [..., features]."""
        shape = (x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.xavier_uniform(), shape)
        dtype = self.style.dtype
        y = jnp.einsum("...c,cd->...d", x.astype(dtype), kernel.astype(dtype))
        if not self.bias:
            return y
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return y + bias.astype(dtype).reshape(*(1,) * (x.ndim - 1), -1)


class SelfAttention(nn.Module):
    """Applies multi-head self-attention.

    One matrix product computes the queries, keys and values, in that order. Without
    `bias`, no bias is added to them.
    """

    heads: int
    attention: str = "auto"
    style: BlockConfig = BlockConfig()
    bias: bool = True

    @nn.compact
    def __call__(
        self,
        x: Array,
        *,
        train: bool,
        angles: Array | None = None,
        grid: TokenGrid | None = None,
    ) -> Array:
        """Maps [B, N, C] to the same shape.

        Args:
          x: The tokens.
          train: Not used.
          angles: The angles [N, C / heads / 2] by which queries and keys are rotated,
            see `jaxseg.ops.rotary`; None does not rotate them.
          grid: The map to which the tokens belong, which can be sharded over devices;
            None if they belong to no map.
        """
        batch, count, width = x.shape
        if width % self.heads:
            raise ValueError(
                f"heads={self.heads} is invalid: expected a divisor of the width, "
                f"{width}."
            )
        depth = width // self.heads
        qkv = Linear(3 * width, style=self.style, bias=self.bias, name="qkv")(x)
        qkv = qkv.reshape(batch, count, 3, self.heads, depth)
        query, key, value = (qkv[:, :, i] for i in range(3))
        if angles is not None:
            query, key = rotate(query, angles), rotate(key, angles)
        scale, impl = depth**-0.5, self.attention
        if grid is None:
            y = attend(query, key, value, scale=scale, impl=impl)
        else:
            y = grid.attend(query, key, value, scale=scale, impl=impl)
        return Linear(width, style=self.style, name="out")(y.reshape(x.shape))


class TransformerBlock(nn.Module):
    """Applies one encoder layer: self-attention and an MLP with two linear layers.

    Dropout follows the attention and both linear layers of the MLP.

    Attributes:
      heads: Number of attention heads.
      mlp_ratio: Number of channels inside the MLP, divided by that of a token.
      dropout: Dropout rate.
      attention: "plain" stores all attention scores at once, "block" a part of them at
        a time, and "auto" chooses by their number.
      style: Settings of normalization and dtype, see `BlockConfig`.
      layer_scale: Initial value of a learned factor for each channel of both residual
        branches (LayerScale, arXiv 2103.17239); None for no such factors.
      epsilon: Epsilon of both normalizations.
      drop_rate: Fraction of the examples whose residual branches are dropped in
        training (stochastic depth).
      qkv_bias: Whether a bias is added to queries, keys and values.
      gated: Whether the MLP is a SwiGLU (arXiv 2002.05202). It has no GELU. A third
        linear layer with SiLU computes factors for the channels inside the MLP.
    """

    heads: int
    mlp_ratio: int = 4
    dropout: float = 0.0
    attention: str = "auto"
    style: BlockConfig = BlockConfig()
    layer_scale: float | None = None
    epsilon: float = 1e-6
    drop_rate: float = 0.0
    qkv_bias: bool = True
    gated: bool = False

    @nn.compact
    def __call__(
        self,
        x: Array,
        *,
        train: bool,
        angles: Array | None = None,
        grid: TokenGrid | None = None,
    ) -> Array:
        """Maps [B, N, C] to the same shape; for the options see `SelfAttention`."""
        style = self.style
        attention = SelfAttention(
            self.heads, self.attention, style, self.qkv_bias, name="attention"
        )
        y = LayerNorm(self.epsilon, style, name="norm_1")(x)
        y = self._drop(attention(y, train=train, angles=angles, grid=grid), train)
        x = residual_add(x, self._branch(y, "layer_scale_1", train))
        y = LayerNorm(self.epsilon, style, name="norm_2")(x)
        return residual_add(
            x, self._branch(self._mlp(y, train), "layer_scale_2", train)
        )

    def _mlp(self, x, train):
        width, style = x.shape[-1], self.style
        inner = self.mlp_ratio * width
        y = Linear(inner, style=style, name="mlp_1")(x)
        if self.gated:
            y = jax.nn.silu(Linear(inner, style=style, name="mlp_gate")(x)) * y
        else:
            y = jax.nn.gelu(y, approximate=False)
        y = Linear(width, style=style, name="mlp_2")(self._drop(y, train))
        return self._drop(y, train)

    def _drop(self, x, train):
        return Dropout(self.dropout)(x, train=train)

    def _branch(self, x, name, train):
        """Applies LayerScale and stochastic depth to the output of a branch."""
        if self.layer_scale is not None:
            start = nn.initializers.constant(self.layer_scale)
            factor = self.param(name, start, x.shape[-1:]).astype(x.dtype)
            x = x * factor.reshape(1, 1, -1)
        return DropPath(self.drop_rate)(x, train=train)
