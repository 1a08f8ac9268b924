"""A fully convolutional head on SE-ResNet (arXiv 1709.01507).

The paper classifies images; the head is the plain one of dilated FCNs.
"""

from flax import linen as nn

from jaxseg.backbones.se_resnet import SEResNet
from jaxseg.heads.classifier import PixelHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.nn.block_config import Style
from jaxseg.typing import Array, Pyramid


class LevelHead(nn.Module):
    """`PixelHead` on one level of the pyramid."""

    num_classes: int
    features: int = 512
    level: str = "c5"
    style: Style = Style()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        """[B, h, w, num_classes] float32."""
        head = PixelHead(
            self.num_classes, self.features, style=self.style, name="pixel"
        )
        return head(pyramid[self.level], train=train)


def se_fcn(
    num_classes: int,
    *,
    depth: int = 50,
    features: int = 512,
    reduction: int = 16,
    width: int = 64,
    blocks: tuple[int, ...] | None = None,
    style: Style = Style(),
) -> EncoderDecoder:
    """Dilated SE-ResNet, stride 8, with a convolutional head (arXiv 1709.01507).

    Args:
      num_classes: K.
      depth, width, blocks: of the ResNet; `reduction` of its gates.
      features: of the head; the auxiliary head has half as many.
      style: normalization, number format.
    """
    return EncoderDecoder(
        SEResNet(depth, 8, reduction, width, blocks, style),
        LevelHead(num_classes, features, style=style),
        PixelHead(num_classes, features // 2, style=style),
    )
