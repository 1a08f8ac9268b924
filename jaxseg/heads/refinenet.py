"""The decoder of RefineNet (Lin et al. 2016, arXiv 1611.06612).

Residual convolution units, multi-resolution fusion and chained residual pooling have
the order and the widths of the released code: four pooling stages, and three output
units per level. There is no normalization. New weights are drawn from a normal
distribution with standard deviation 0.01.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, Dropout
from jaxseg.ops.pool import max_pool
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Pyramid


def conv3x3(features: int, style: BlockConfig, name: str, bias: bool = False) -> Conv:
    """Returns a 3x3 convolution whose weights start at small random values.

    They are drawn from a normal distribution with standard deviation 0.01.
    """
    return Conv(
        features, 3, bias=bias, kernel_init="normal0.01", style=style, name=name
    )


class ResidualUnits(nn.Module):
    """Applies `count` residual units one after the other.

    A unit consists of ReLU, a 3x3 convolution with bias, ReLU and a 3x3 convolution
    without bias.
    """

    count: int
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, H, W, C] to the same shape."""
        for i in range(1, self.count + 1):
            features = x.shape[-1]
            first = conv3x3(features, self.style, f"unit{i}_conv1", bias=True)
            second = conv3x3(features, self.style, f"unit{i}_conv2")
            x = x + second(nn.relu(first(nn.relu(x))))
        return x


class ChainedPooling(nn.Module):
    """Applies chained residual pooling.

    It sums ReLU(x) and the outputs of all stages of a chain, in which each stage
    applies pooling and a convolution to the output of the previous one.
    """

    stages: int = 4
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, H, W, C] to the same shape."""
        total = top = nn.relu(x)
        for i in range(1, self.stages + 1):
            top = max_pool(top, window=5, stride=1, padding=2, impl=self.style.impl)
            top = conv3x3(top.shape[-1], self.style, f"conv{i}")(top)
            total = total + top
        return total


class RefineBlock(nn.Module):
    """Merges one pyramid level with the decoder's output for the next coarser level.

    Residual units are applied to the level, and the coarser output is added. Chained
    residual pooling and further residual units are applied to the sum.
    """

    features: int
    stages: int = 4
    align_corners: bool = True
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, coarse: Array | None = None) -> Array:
        """Maps x [B, H, W, C] to [B, H, W, features].

        The coarser level, `coarse` [B, h, w, features], has passed its fusion
        convolution.
        """
        x = conv3x3(self.features, self.style, "reduce")(x)
        x = ResidualUnits(2, self.style, name="adapt")(x)
        if coarse is not None:
            x = conv3x3(self.features, self.style, "fuse")(x)
            x = x + resize(
                coarse,
                x.shape[1:3],
                align_corners=self.align_corners,
                impl=self.style.impl,
            )
        x = ChainedPooling(self.stages, self.style, name="pooling")(x)
        return ResidualUnits(3, self.style, name="output")(x)


class RefineNetHead(nn.Module):
    """Refines c5, c4, c3 and c2 in a cascade and classifies the result.

    Attributes:
      num_classes: Number of classes.
      width: Number of channels of the decoder at c4, c3 and c2. At c5 it has 2 * width
        channels.
      stages: Number of pooling stages.
      dropout: Dropout rate.
      align_corners: Whether the bilinear upsampling aligns corners. Differs: the
        MatConvNet release resizes bicubically.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    num_classes: int
    width: int = 256
    stages: int = 4
    dropout: float = 0.5
    align_corners: bool = True
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        """Returns logits [B, H / 4, W / 4, num_classes], float32."""
        coarse = None
        for level in (5, 4, 3, 2):
            x = pyramid[f"c{level}"]
            if level >= 4:
                x = Dropout(self.dropout)(x, train=train)
            features = 2 * self.width if level == 5 else self.width
            x = RefineBlock(
                features,
                stages=self.stages,
                align_corners=self.align_corners,
                style=self.style,
                name=f"refine{level}",
            )(x, coarse)
            if level > 2:
                coarse = conv3x3(self.width, self.style, f"fuse{level}")(x)
        x = Dropout(self.dropout)(x, train=train)
        x = conv3x3(self.num_classes, self.style, "classifier", bias=True)(x)
        return x.astype(jnp.float32)
