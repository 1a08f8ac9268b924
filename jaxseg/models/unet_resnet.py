"""U-Net with a ResNet as contracting path (arXiv 1505.04597, 1512.03385).

It follows segmentation_models.pytorch and also accepts odd sizes.
"""

from functools import partial

from flax import linen as nn

from jaxseg.backbones.resnet import ResNet
from jaxseg.heads.unet import UNetHead
from jaxseg.nn.block_config import BlockConfig
from jaxseg.typing import Array

FEATURES = (256, 128, 64, 32, 16)


class UNetResNet(nn.Module):
    """Returns logits at the resolution of the image: ResNet and U-Net head."""

    backbone: nn.Module
    head: nn.Module

    def __call__(self, image: Array, *, train: bool = False) -> dict[str, Array]:
        """Maps [B, H, W, C] to {"logits": [B, H, W, num_classes]}."""
        pyramid = {"c0": image, **self.backbone(image, train=train)}
        return {"logits": self.head(pyramid, train=train)}


def unet_resnet(
    num_classes: int,
    *,
    depth: int = 34,
    features: tuple[int, ...] = FEATURES,
    width: int = 64,
    blocks: tuple[int, ...] | None = None,
    style: BlockConfig = BlockConfig(),
) -> UNetResNet:
    """Creates U-Net on a ResNet (arXiv 1505.04597).

    Args:
      num_classes: Number of classes.
      depth: Depth of the ResNet.
      features: Numbers of channels of the five decoder levels.
      width: Number of channels of the first stage of the ResNet.
      blocks: Number of units of each stage of the ResNet; None takes those of the
        depth.
      style: See `BlockConfig`.
    """
    backbone = ResNet(depth, width=width, blocks=blocks, style=style)
    return UNetResNet(backbone, UNetHead(num_classes, features, style))


unet_resnet18 = partial(unet_resnet, depth=18)
unet_resnet34 = partial(unet_resnet, depth=34)
unet_resnet50 = partial(unet_resnet, depth=50)
