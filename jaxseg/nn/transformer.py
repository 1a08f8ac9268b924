"""Pre-norm transformer encoder layer of ViT (arXiv 2010.11929).

It computes x += MHSA(LN x) and then x += MLP(LN x). GELU is exact, and the epsilon of
LayerNorm is 1e-6. Softmax, statistics and parameters are float32.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Dropout
from jaxseg.ops.attention import attend
from jaxseg.ops.residual import residual_add
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

    One matrix product computes the queries, keys and values, in that order.
    """

    heads: int
    attention: str = "auto"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Maps [B, N, C] to the same shape."""
        batch, count, width = x.shape
        if width % self.heads:
            raise ValueError(
                f"heads={self.heads} is invalid: expected a divisor of the width, "
                f"{width}."
            )
        depth = width // self.heads
        qkv = Linear(3 * width, style=self.style, name="qkv")(x)
        qkv = qkv.reshape(batch, count, 3, self.heads, depth)
        query, key, value = (qkv[:, :, i] for i in range(3))
        y = attend(query, key, value, scale=depth**-0.5, impl=self.attention)
        return Linear(width, style=self.style, name="out")(y.reshape(x.shape))


class TransformerBlock(nn.Module):
    """Applies one encoder layer: self-attention and an MLP with two linear layers.

    Dropout follows the attention and both linear layers of the MLP.

    Attributes:
      heads: Number of attention heads.
      mlp_ratio: Number of channels inside the MLP, divided by those of a token.
      dropout: Dropout rate.
      attention: "auto", "plain" or "block", see `jaxseg.ops.attention.attend`.
      style: See `BlockConfig`.
      layer_scale: Initial value of a learned factor for each channel of both residual
        branches (LayerScale, arXiv 2103.17239); None for no such factors.
      epsilon: Epsilon of both normalizations.
    """

    heads: int
    mlp_ratio: int = 4
    dropout: float = 0.0
    attention: str = "auto"
    style: BlockConfig = BlockConfig()
    layer_scale: float | None = None
    epsilon: float = 1e-6

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Maps [B, N, C] to the same shape."""
        width, style = x.shape[-1], self.style

        def drop(y):
            return Dropout(self.dropout)(y, train=train)

        def scaled(y, name):
            if self.layer_scale is None:
                return y
            start = nn.initializers.constant(self.layer_scale)
            factor = self.param(name, start, (width,)).astype(y.dtype)
            return y * factor.reshape(1, 1, width)

        attention = SelfAttention(self.heads, self.attention, style, name="attention")
        y = LayerNorm(self.epsilon, style, name="norm_1")(x)
        y = drop(attention(y, train=train))
        x = residual_add(x, scaled(y, "layer_scale_1"))
        y = LayerNorm(self.epsilon, style, name="norm_2")(x)
        y = Linear(self.mlp_ratio * width, style=style, name="mlp_1")(y)
        y = drop(jax.nn.gelu(y, approximate=False))
        y = drop(Linear(width, style=style, name="mlp_2")(y))
        return residual_add(x, scaled(y, "layer_scale_2"))
