"""A fully convolutional head on SE-ResNet (arXiv 1709.01507).

The paper has only an image classifier. The segmentation head is that of dilated FCNs: a
3x3 convolution and a 1x1 classifier.
"""

from flax import linen as nn

from jaxseg.backbones.se_resnet import SEResNet
from jaxseg.heads.classifier import PixelHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.nn.block_config import BlockConfig
from jaxseg.typing import Array, Pyramid


class LevelHead(nn.Module):
    """Applies a 3x3 convolution and a 1x1 classifier to one map of the backbone."""

    num_classes: int
    features: int = 512
    level: str = "c5"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        """Returns logits [B, h, w, num_classes], float32."""
        head = PixelHead(
            self.num_classes, self.features, style=self.style, name="pixel"
        )
        return head(pyramid[self.level], train=train)


def se_fcn_on(
    num_classes: int,
    backbone: nn.Module,
    *,
    features: int = 512,
    style: BlockConfig = BlockConfig(),
) -> EncoderDecoder:
    """Puts a 3x3 convolution and a classifier on c5, and an auxiliary head on c4.

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps, named after their stages,
        such as "c4" and "c5".
      features: Number of channels of the head. The auxiliary head has half as many.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    return EncoderDecoder(
        backbone,
        head=LevelHead(num_classes, features, style=style),
        aux_head=PixelHead(num_classes, features // 2, style=style),
    )


def se_fcn(
    num_classes: int,
    *,
    depth: int = 50,
    features: int = 512,
    reduction: int = 16,
    width: int = 64,
    blocks: tuple[int, ...] | None = None,
    style: BlockConfig = BlockConfig(),
) -> EncoderDecoder:
    """Creates a dilated SE-ResNet with a convolutional head (arXiv 1709.01507).

    The output stride is 8.

    Args:
      num_classes: Number of classes.
      depth: Depth of the ResNet.
      features: Number of channels of the head. The auxiliary head has half as many.
      reduction: Factor by which the hidden layer of the gates reduces the channels.
      width: Number of channels of the first stage of the ResNet.
      blocks: Number of units of each stage of the ResNet; None takes those of the
        depth.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    backbone = SEResNet(
        depth,
        output_stride=8,
        reduction=reduction,
        width=width,
        blocks=blocks,
        style=style,
    )
    return se_fcn_on(num_classes, backbone, features=features, style=style)
