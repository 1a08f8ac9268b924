"""Dense blocks of the fully convolutional DenseNet.

References:
  arXiv 1608.06993 (DenseNet) and 1611.09326 (the fully convolutional form).
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, ConvTranspose, Dropout
from jaxseg.nn.norm import Norm
from jaxseg.ops.channel_stack import append_channels
from jaxseg.ops.pool import max_pool
from jaxseg.typing import Array


class PreActivation(nn.Module):
    """Applies normalization and ReLU, then a convolution with bias, then dropout."""

    features: int
    kernel: int = 3
    dropout: float = 0.2
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Maps [B, H, W, C] to [B, H, W, features]."""
        x = nn.relu(Norm(self.style, name="norm")(x, train=train))
        x = Conv(
            self.features,
            self.kernel,
            kernel_init="he_uniform",
            style=self.style,
            name="conv",
        )(x)
        return Dropout(self.dropout)(x, train=train)


class DenseBlock(nn.Module):
    """Applies a dense block of convolution layers.

    Each layer reads the input of the block and the outputs of all earlier layers.
    """

    layers: int
    growth: int
    dropout: float = 0.2
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> tuple[Array, Array]:
        """Returns the whole stack [..., C + layers * growth] and its new maps alone."""
        new = []
        for i in range(1, self.layers + 1):
            layer = PreActivation(
                self.growth,
                kernel=3,
                dropout=self.dropout,
                style=self.style,
                name=f"layer{i}",
            )
            y = layer(x, train=train)
            new.append(y)
            x = append_channels(x, y)
        return x, jnp.concatenate(new, axis=-1)


class TransitionDown(nn.Module):
    """Halves the size with 2x2 max pooling.

    Normalization, ReLU, a 1x1 convolution that keeps the number of channels, and
    dropout precede the pooling.
    """

    dropout: float = 0.2
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Maps [B, H, W, C] to [B, H // 2, W // 2, C]."""
        block = PreActivation(
            x.shape[-1], kernel=1, dropout=self.dropout, style=self.style, name="block"
        )
        return max_pool(block(x, train=train), window=2, impl=self.style.impl)


class TransitionUp(nn.Module):
    """Doubles the size with a transposed 3x3 convolution and concatenates the skip map.

    The transposed convolution has stride 2 and maps n pixels to 2n + 1. The result is
    cut to the size of the skip map. The offset of the paper's center crop is always 0,
    because floor pooling leaves at most one excess row or column, and half of one
    rounds to 0.
    """

    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, skip: Array) -> Array:
        """Maps [B, h, w, C] and a skip map [B, H, W, S] to [B, H, W, C + S]."""
        up = ConvTranspose(
            x.shape[-1], 3, 2, kernel_init="he_uniform", style=self.style, name="up"
        )(x)
        height, width = skip.shape[1:3]
        return jnp.concatenate([up[:, :height, :width], skip], axis=-1)
