"""The convolutions of VGG-16 and VGG-19 (arXiv 1409.1556).

All convolutions are 3x3 with bias and ReLU. A 2x2 max pooling ends each of the five
blocks. Batch norm can follow each convolution, as in torchvision's `vgg16_bn`.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv
from jaxseg.nn.norm import Norm
from jaxseg.ops.pool import max_pool
from jaxseg.typing import Array, Padding, Pyramid

CONVOLUTIONS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
CHANNELS = (64, 128, 256, 512, 512)  # Per stage, as in arXiv 1409.1556, table 1.


class VGG(nn.Module):
    """Computes maps "c1" (pool1, at stride 2) to "c5" (pool5, at stride 32).

    Attributes:
      depth: 16 or 19.
      output_stride: 8, 16 or 32. A pooling layer whose stride would exceed it has
        stride 1 instead, and doubles the atrous rates of all later layers.
      batch_norm: Whether batch norm follows each convolution.
      ceil: Whether pooled sizes are rounded up, as in Caffe, FCN and SegNet. Only then
        do networks of output stride 8 and 16 have the features of the network of output
        stride 32 at the positions that they share.
      first_padding: Padding of conv1_1; 100 in FCN's networks.
      channels: Number of channels of each block. Values other than VGG's are meant for
        tests.
      style: The normalization and the data type of all layers, see `BlockConfig`.

    Raises:
      ValueError: If depth or output stride is not allowed.
    """

    depth: int = 16
    output_stride: int = 32
    batch_norm: bool = False
    ceil: bool = False
    first_padding: Padding = 1
    channels: tuple[int, ...] = CHANNELS
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Pyramid:
        if self.depth not in CONVOLUTIONS:
            raise ValueError(
                f"depth={self.depth} is invalid: expected one of "
                f"{sorted(CONVOLUTIONS)}."
            )
        if self.output_stride not in (8, 16, 32):
            raise ValueError(
                f"output_stride={self.output_stride} is invalid: expected 8, 16 or 32."
            )
        x, pyramid, rate = image, {}, 1
        for block, count in enumerate(CONVOLUTIONS[self.depth], start=1):
            for i in range(1, count + 1):
                first = block == 1 and i == 1
                x = Conv(
                    self.channels[block - 1],
                    rate=rate,
                    padding=self.first_padding if first else None,
                    style=self.style,
                    name=f"conv{block}_{i}",
                )(x)
                if self.batch_norm:
                    x = Norm(self.style, name=f"norm{block}_{i}")(x, train=train)
                x = nn.relu(x)
            if 2**block <= self.output_stride:
                x = max_pool(x, window=2, stride=2, ceil=self.ceil)
            else:
                x, rate = _atrous_max(x, rate), rate * 2
            pyramid[f"c{block}"] = x
        return pyramid


def _atrous_max(x, rate):
    """Returns the maximum of the pixels at distances 0 and `rate` along both axes.

    The result has the size of the input.
    """
    for axis in (1, 2):
        size = x.shape[axis]
        far = jnp.take(x, jnp.minimum(jnp.arange(size) + rate, size - 1), axis=axis)
        inside = jnp.arange(size) + rate < size
        inside = inside.reshape([-1 if a == axis else 1 for a in range(x.ndim)])
        x = jnp.where(inside, jnp.maximum(x, far), x)
    return x
