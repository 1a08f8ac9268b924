"""U-Net with a ResNet as contracting path (arXiv 1505.04597, 1512.03385).

It follows segmentation_models.pytorch and also accepts odd sizes.
"""

from functools import partial

from flax import linen as nn

from jaxseg.backbones.resnet import create_resnet
from jaxseg.heads.unet import UNetHead
from jaxseg.models.options import split_options
from jaxseg.nn.block_config import BlockConfig
from jaxseg.typing import Array

FEATURES = (256, 128, 64, 32, 16)


class UNetEncoder(nn.Module):
    """Applies a backbone and a U-Net head, whose logits have the size of the image."""

    backbone: nn.Module
    head: nn.Module

    def __call__(self, image: Array, *, train: bool = False) -> dict[str, Array]:
        """Maps [B, H, W, C] to {"logits": [B, H, W, num_classes]}."""
        pyramid = {"c0": image, **self.backbone(image, train=train)}
        return {"logits": self.head(pyramid, train=train)}


def unet_encoder(
    num_classes: int,
    backbone: nn.Module,
    *,
    features: tuple[int, ...] = FEATURES,
    style: BlockConfig = BlockConfig(),
) -> UNetEncoder:
    """Puts the expanding path of U-Net on a backbone with c1 to c5 (arXiv 1505.04597).

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a pyramid of strides 2, 4, 8, 16 and 32.
      features: Numbers of channels of the five decoder levels.
      style: See `BlockConfig`.
    """
    return UNetEncoder(backbone, UNetHead(num_classes, features, style))


def unet_resnet(
    num_classes: int,
    *,
    depth: int = 34,
    style: BlockConfig = BlockConfig(),
    **options,
) -> UNetEncoder:
    """Creates U-Net on a ResNet (arXiv 1505.04597).

    Args:
      num_classes: Number of classes.
      depth: Depth of the ResNet.
      style: See `BlockConfig`.
      **options: Options of `create_resnet`, and `features` of `unet_encoder`.
    """
    trunk, rest = split_options(options)
    backbone = create_resnet(depth, 32, style=style, **trunk)
    return unet_encoder(num_classes, backbone, style=style, **rest)


unet_resnet18 = partial(unet_resnet, depth=18)
unet_resnet34 = partial(unet_resnet, depth=34)
unet_resnet50 = partial(unet_resnet, depth=50)
