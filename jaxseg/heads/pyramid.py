"""Heads with pyramid pooling (PSPNet) and with joint pyramid upsampling (FastFCN).

References:
  PSPNet: arXiv 1612.01105. FastFCN: arXiv 1903.11816.
"""

from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.context import PyramidPooling
from jaxseg.nn.jpu import JPU
from jaxseg.nn.layers import Conv, ConvNormAct, Dropout
from jaxseg.typing import Array, Pyramid


class PSPHead(nn.Module):
    """Applies pyramid pooling, a fusing convolution and a classifier to one level.

    Attributes:
      num_classes: Number of classes.
      pyramid: The pooling module.
      features: Number of channels of the fusing convolution. With None, it is the
        number of channels of a branch of `pyramid`.
      fuse_kernel: Kernel size of the fusing convolution; 3 in the paper.
      dropout: Dropout rate; it drops whole channels.
      score_kernel: Kernel size of the classifier; 1 in the paper.
        In segmentation_models.pytorch, `fuse_kernel` is 1 and `score_kernel` is 3.
      tap: The pyramid level that the head reads.
      bias: Whether the fusing convolution has a bias.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    num_classes: int
    pyramid: PyramidPooling
    features: int | None = None
    fuse_kernel: int = 3
    dropout: float = 0.1
    score_kernel: int = 1
    tap: str = "c5"
    style: BlockConfig = BlockConfig()
    bias: bool = False

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        x = self.pyramid(pyramid[self.tap], train=train)
        features = self.features or self.pyramid.features
        block = ConvNormAct(
            features,
            self.fuse_kernel,
            bias=self.bias,
            style=self.style,
            name="fuse",
        )
        drop = Dropout(self.dropout, channels=True)
        x = drop(block(x, train=train), train=train)
        return Conv(
            self.num_classes, self.score_kernel, style=self.style, name="score"
        )(x)


class JPUHead(nn.Module):
    """Applies joint pyramid upsampling (JPU), and then another head, as in FastFCN.

    The other head reads the result of JPU in place of the level c5.
    """

    jpu: JPU
    head: nn.Module

    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        dense = self.jpu(pyramid, train=train)
        return self.head({**pyramid, "c5": dense}, train=train)
