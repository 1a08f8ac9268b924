"""The head of HRNetV2 (arXiv 1904.04514): concatenated levels and a 1x1 convolution.

Differs: the published code bases disagree on the convolution. It has a bias before its
normalization in the authors' code (the default), no bias in MMSegmentation
(`bias=False`), and a 3x3 kernel in openseg.pytorch (`kernel=3`).
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.heads.classifier import PixelHead
from jaxseg.nn.block_config import BlockConfig
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Pyramid

LEVELS = ("c2", "c3", "c4", "c5")


def concat_levels(
    pyramid: Pyramid, levels: tuple[str, ...] = LEVELS, align_corners: bool = False
) -> Array:
    """Resizes levels of a pyramid to the size of the first one and concatenates them.

    Args:
      pyramid: The feature maps of a backbone, by the name of their level.
      levels: The names of the levels to concatenate, in this order.
      align_corners: Whether the bilinear resizing aligns corners.

    Returns:
      [B, h, w, sum of the channels], where h and w are those of the first level.
    """
    first = pyramid[levels[0]]
    size = first.shape[1:3]
    rest = [resize(pyramid[k], size, align_corners=align_corners) for k in levels[1:]]
    return jnp.concatenate([first, *rest], axis=-1)


class HighResolutionHead(nn.Module):
    """Concatenates the maps c2 to c5 at the size of c2 and classifies the result.

    A convolution with normalization and ReLU, which keeps the number of channels,
    precedes the 1x1 classifier.
    """

    num_classes: int
    kernel: int = 1
    bias: bool = True
    align_corners: bool = False
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        """Returns logits [B, h, w, num_classes] at the size of c2, float32."""
        x = concat_levels(pyramid, align_corners=self.align_corners)
        head = PixelHead(
            self.num_classes,
            features=x.shape[-1],
            kernel=self.kernel,
            bias=self.bias,
            dropout=0.0,
            style=self.style,
            name="pixel",
        )
        return head(x, train=train)
