"""U-Net with a ResNet as contracting path (arXiv 1505.04597, 1512.03385).

The form of segmentation_models.pytorch, odd sizes included.
"""

from functools import partial

from flax import linen as nn

from jaxseg.backbones.resnet import ResNet
from jaxseg.heads.unet import UNetHead
from jaxseg.nn.block_config import Style
from jaxseg.typing import Array

FEATURES = (256, 128, 64, 32, 16)


class UNetResNet(nn.Module):
    """ResNet and U-Net head; logits at the input's resolution for any size."""

    backbone: nn.Module
    head: nn.Module

    def __call__(self, image: Array, *, train: bool = False) -> dict[str, Array]:
        """Map `[B, H, W, C]` to `{"logits": [B, H, W, num_classes]}`."""
        pyramid = {"c0": image, **self.backbone(image, train=train)}
        return {"logits": self.head(pyramid, train=train)}


def unet_resnet(
    num_classes: int,
    *,
    depth: int = 34,
    features: tuple[int, ...] = FEATURES,
    width: int = 64,
    blocks: tuple[int, ...] | None = None,
    style: Style = Style(),
) -> UNetResNet:
    """U-Net over ResNet (arXiv 1505.04597); `features` of the five decoder levels."""
    backbone = ResNet(depth, width=width, blocks=blocks, style=style)
    return UNetResNet(backbone, UNetHead(num_classes, features, style))


unet_resnet18 = partial(unet_resnet, depth=18)
unet_resnet34 = partial(unet_resnet, depth=34)
unet_resnet50 = partial(unet_resnet, depth=50)
