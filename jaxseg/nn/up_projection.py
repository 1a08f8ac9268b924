"""Up-projection blocks (arXiv 1606.00373) with skip connections: CSPN's decoder."""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, ConvNormAct
from jaxseg.ops.unpool import bed_of_nails
from jaxseg.typing import Array, Size


class UpProjection(nn.Module):
    """Doubles the size of a map and applies a residual block.

    Zeros are inserted between the pixels. The main branch consists of a 5x5 and a 3x3
    convolution, the shortcut of a 5x5 convolution. Each has batch norm, and ReLU
    follows the sum. With a skip map, the main branch concatenates this map with the
    result of its 5x5 convolution and reduces the channels by another 3x3 convolution.
    """

    features: int
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(
        self, x: Array, size: Size, skip: Array | None = None, *, train: bool
    ) -> Array:
        """Maps [B, h, w, C] to [B, *size, features]; size is at most (2 h, 2 w)."""

        def block(source, kernel, act, name):
            layer = ConvNormAct(
                self.features, kernel, act=act, style=self.style, name=name
            )
            return layer(source, train=train)

        x = bed_of_nails(x, 2, size)
        y = block(x, 5, "relu", "conv1")
        if skip is not None:
            y = block(jnp.concatenate([y, skip], axis=-1), 3, "relu", "merge")
        y = block(y, 3, "none", "conv2")
        return nn.relu(y + block(x, 5, "none", "shortcut"))


class UpConv(nn.Module):
    """Doubles the size of a map and applies a 3x3 convolution.

    Zeros are inserted between the pixels. The convolution has no bias.
    """

    features: int
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, size: Size) -> Array:
        """Maps [B, h, w, C] to [B, *size, features]."""
        x = bed_of_nails(x, 2, size)
        return Conv(self.features, bias=False, style=self.style, name="conv")(x)
