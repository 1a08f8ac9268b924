"""Xception-39, BiSeNet's light backbone (arXiv 1808.00897), as in the authors' code.

Its residual blocks consist of separable convolutions without a normalization between
the depthwise and the pointwise convolution. The last convolution of a block is four
times as wide as the others.
"""

from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, ConvNormAct
from jaxseg.ops.pool import max_pool
from jaxseg.typing import Array, Pyramid


class SeparableUnit(nn.Module):
    """Applies a depthwise 3x3 convolution and a 1x1 convolution with normalization.

    An optional activation follows the normalization.
    """

    features: int
    stride: int = 1
    act: str = "relu"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Maps [B, H, W, C] to [B, H/stride, W/stride, features]."""
        x = Conv(
            x.shape[-1],
            kernel=3,
            stride=self.stride,
            groups=x.shape[-1],
            bias=False,
            style=self.style,
            name="depthwise",
        )(x)
        point = ConvNormAct(
            self.features, 1, act=self.act, style=self.style, name="pointwise"
        )
        return point(x, train=train)


class XceptionBlock(nn.Module):
    """Adds the output of three separable convolution units to a shortcut of the input.

    The units have `mid`, `mid` and 4 * `mid` channels, and ReLU follows the sum. The
    shortcut of a block with a stride is a separable unit as well.
    """

    mid: int
    stride: int = 1
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Maps [B, H, W, C] to [B, H/stride, W/stride, 4 * mid]."""

        def unit(source, features, stride, act, name):
            layer = SeparableUnit(
                features, stride=stride, act=act, style=self.style, name=name
            )
            return layer(source, train=train)

        y = unit(x, self.mid, self.stride, "relu", "unit0")
        y = unit(y, self.mid, 1, "relu", "unit1")
        y = unit(y, 4 * self.mid, 1, "none", "unit2")
        if self.stride > 1:
            x = unit(x, 4 * self.mid, self.stride, "none", "shortcut")
        return nn.relu(x + y)


class Xception39(nn.Module):
    """Computes maps "c1" (8 channels), "c2" (8), "c3" (64), "c4" (128), "c5" (256)."""

    stem: int = 8
    mid: tuple[int, int, int] = (16, 32, 64)
    blocks: tuple[int, int, int] = (4, 8, 4)
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Pyramid:
        """Maps [B, H, W, C] to the pyramid."""
        stem = ConvNormAct(self.stem, 3, 2, style=self.style, name="stem")
        x = stem(image, train=train)
        pyramid = {"c1": x}
        pyramid["c2"] = x = max_pool(x, window=3, stride=2, padding=1)
        for stage, (mid, count) in enumerate(zip(self.mid, self.blocks, strict=True)):
            for index in range(count):
                block = XceptionBlock(
                    mid,
                    stride=2 if index == 0 else 1,
                    style=self.style,
                    name=f"layer{stage + 1}_{index}",
                )
                x = block(x, train=train)
            pyramid[f"c{stage + 3}"] = x
        return pyramid
