"""SE-ResNet-50/101/152: channel gates in every bottleneck (arXiv 1709.01507).

The gate follows the last normalization of the residual branch and precedes the sum.
"""

from flax import linen as nn

from jaxseg.backbones.resnet import BLOCKS, plan_units
from jaxseg.nn.attention import ChannelGate
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import ConvNormAct
from jaxseg.nn.residual import Shortcut
from jaxseg.ops.pool import max_pool
from jaxseg.ops.residual import residual_add
from jaxseg.typing import Array, Pyramid


class SEBottleneck(nn.Module):
    """Applies a ResNet bottleneck with a gate for each channel.

    It computes relu(x + gate(y) * y), where y is the residual branch of the bottleneck.
    """

    features: int
    stride: int = 1
    rate: int = 1
    reduction: int = 16
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Maps [B, H, W, C] to [B, H/stride, W/stride, 4 * features]."""

        def block(source, features, kernel, stride, rate, act, name):
            layer = ConvNormAct(
                features,
                kernel=kernel,
                stride=stride,
                rate=rate,
                act=act,
                style=self.style,
                name=name,
            )
            return layer(source, train=train)

        y = block(x, self.features, 1, 1, 1, "relu", "conv1")
        y = block(y, self.features, 3, self.stride, self.rate, "relu", "conv2")
        y = block(y, 4 * self.features, 1, 1, 1, "none", "conv3")
        y = ChannelGate(self.reduction, self.style, name="gate")(y, train=train)
        if self.stride > 1 or x.shape[-1] != 4 * self.features:
            shortcut = Shortcut(
                4 * self.features, self.stride, style=self.style, name="downsample"
            )
            x = shortcut(x, train=train)
        return residual_add(x, y, relu=True)


class SEResNet(nn.Module):
    """Computes maps "c1" to "c5" with the strides 2, 4, 8, 16 and 32.

    A level whose stride would exceed `output_stride` has the stride `output_stride` and
    atrous rates instead.

    Attributes:
      depth: 50, 101 or 152.
      output_stride: 4, 8, 16 or 32.
      reduction: The channels of a block divided by those of the inner layer of its
        gate.
      width: Number of channels of c1. The maps c2 to c5 have 4, 8, 16 and 32 times as
        many.
      blocks: Number of blocks of each stage; None takes the numbers that belong to
        `depth`.
      style: The normalization and the data type of all layers, see `BlockConfig`.
    """

    depth: int = 50
    output_stride: int = 32
    reduction: int = 16
    width: int = 64
    blocks: tuple[int, ...] | None = None
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Pyramid:
        """Maps [B, H, W, C] to the pyramid."""
        if self.depth not in (50, 101, 152):
            raise ValueError(f"depth={self.depth} is invalid: expected 50, 101 or 152.")
        stem = ConvNormAct(self.width, 7, 2, style=self.style, name="stem")
        x = stem(image, train=train)
        pyramid = {"c1": x}
        x = max_pool(x, window=3, stride=2, padding=1)
        plan = plan_units(self.blocks or BLOCKS[self.depth], self.output_stride)
        for stage, units in enumerate(plan):
            for index, unit in enumerate(units):
                rate = unit.first_rate if unit.pooled else unit.rate
                x = SEBottleneck(
                    self.width * 2**stage,
                    stride=unit.stride,
                    rate=rate,
                    reduction=self.reduction,
                    style=self.style,
                    name=f"layer{stage + 1}_{index}",
                )(x, train=train)
            pyramid[f"c{stage + 2}"] = x
        return pyramid
