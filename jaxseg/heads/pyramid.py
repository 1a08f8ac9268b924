"""Heads of the pyramid-pooling family: PSPNet's, and FastFCN's around any head.

PSPNet: arXiv 1612.01105. FastFCN: arXiv 1903.11816.
"""

from flax import linen as nn

from jaxseg.nn.block_config import Style
from jaxseg.nn.context import PyramidPooling
from jaxseg.nn.jpu import JPU
from jaxseg.nn.layers import Conv, ConvNormAct, Dropout
from jaxseg.typing import Array, Pyramid


class PSPHead(nn.Module):
    """Pyramid pooling on c5, a fusing convolution, dropout of channels, 1x1 scores.

    `fuse_kernel` 3 is the paper's, `score_kernel` 1; segmentation_models.pytorch has
    them the other way round. `features` of the fusion default to the branches'.
    """

    num_classes: int
    pyramid: PyramidPooling
    features: int | None = None
    fuse_kernel: int = 3
    dropout: float = 0.1
    score_kernel: int = 1
    tap: str = "c5"
    style: Style = Style()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        x = self.pyramid(pyramid[self.tap], train=train)
        features = self.features or self.pyramid.features
        block = ConvNormAct(features, self.fuse_kernel, style=self.style, name="fuse")
        drop = Dropout(self.dropout, channels=True)
        x = drop(block(x, train=train), train=train)
        return Conv(
            self.num_classes, self.score_kernel, style=self.style, name="score"
        )(x)


class JPUHead(nn.Module):
    """FastFCN: JPU stands in for a dilated c5, then any head that reads c5."""

    jpu: JPU
    head: nn.Module

    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        dense = self.jpu(pyramid, train=train)
        return self.head({**pyramid, "c5": dense}, train=train)
