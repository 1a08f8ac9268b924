"""Dense blocks of the fully convolutional DenseNet (arXiv 1608.06993, 1611.09326)."""

import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxseg.nn.block_config import Style
from jaxseg.nn.layers import Conv, ConvTranspose, Dropout
from jaxseg.nn.norm import Norm
from jaxseg.ops.pool import max_pool
from jaxseg.typing import Array


class PreActivation(nn.Module):
    """Normalization, ReLU, convolution with bias, dropout."""

    features: int
    kernel: int = 3
    dropout: float = 0.2
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Map `[B, H, W, C]` to `[B, H, W, features]`."""
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
    """Layers that each see the input and all maps before them."""

    layers: int
    growth: int
    dropout: float = 0.2
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> tuple[Array, Array]:
        """Return the whole stack `[..., C + layers * growth]` and its new maps only."""
        new = []
        for i in range(1, self.layers + 1):
            layer = PreActivation(
                self.growth, 3, self.dropout, self.style, name=f"layer{i}"
            )
            y = layer(x, train=train)
            new.append(y)
            # Unfused: XLA:CPU would gather the stack anew in each reader (1.7x slower).
            x = lax.optimization_barrier(jnp.concatenate([x, y], axis=-1))
        return x, jnp.concatenate(new, axis=-1)


class TransitionDown(nn.Module):
    """1x1 pre-activation convolution at the same width, dropout, 2x2 max pooling."""

    dropout: float = 0.2
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Map `[B, H, W, C]` to `[B, H // 2, W // 2, C]`."""
        block = PreActivation(x.shape[-1], 1, self.dropout, self.style, name="block")
        return max_pool(block(x, train=train), window=2, impl=self.style.impl)


class TransitionUp(nn.Module):
    """3x3 transposed convolution of stride 2 (to 2n + 1), cut and put before the skip.

    The center crop's offset is always 0: floor pooling leaves at most one row or column
    too much, and half of one is 0.
    """

    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array, skip: Array) -> Array:
        """Join `[B, h, w, C]` and a skip `[B, H, W, S]` to `[B, H, W, C + S]`."""
        up = ConvTranspose(
            x.shape[-1], 3, 2, kernel_init="he_uniform", style=self.style, name="up"
        )(x)
        height, width = skip.shape[1:3]
        return jnp.concatenate([up[:, :height, :width], skip], axis=-1)
