"""U-Net with a ResNet as contracting path (arXiv 1505.04597, 1512.03385).

It follows segmentation_models.pytorch and also accepts odd sizes.
"""

from functools import partial

from flax import linen as nn

from jaxseg.backbones.resnet import create_resnet
from jaxseg.heads.presence import take_presence
from jaxseg.heads.unet import UNetHead, levels_of
from jaxseg.models.options import split_options
from jaxseg.nn.block_config import BlockConfig
from jaxseg.typing import Array

FEATURES = (256, 128, 64, 32, 16)  # As in segmentation_models_pytorch.


class UNetEncoder(nn.Module):
    """Applies a backbone and a U-Net head, whose logits have the size of the image.

    Attributes:
      backbone: Maps an image to a dictionary of feature maps, named after their stages,
        such as "c4" and "c5".
      head: Maps this dictionary, with the image as "c0", to logits.
      aux_presence: Maps the dictionary to logits [B, K] that say which classes occur in
        the image, for training.
    """

    backbone: nn.Module
    head: nn.Module
    aux_presence: nn.Module | None = None

    def __call__(self, image: Array, *, train: bool = False) -> dict[str, Array]:
        """Maps [B, H, W, C] to {"logits": [B, H, W, num_classes]}.

        With `aux_presence`, the output "extra_presence" [B, K] is added.
        """
        pyramid = {"c0": image, **self.backbone(image, train=train)}
        outputs = {"logits": self.head(pyramid, train=train)}
        if self.aux_presence is not None:
            outputs["extra_presence"] = self.aux_presence(pyramid, train=train)
        return outputs


def unet_encoder(
    num_classes: int,
    backbone: nn.Module,
    *,
    features: tuple[int, ...] = FEATURES,
    attention: str = "none",
    decoder_norm: str | None = None,
    style: BlockConfig = BlockConfig(),
    **options,
) -> UNetEncoder:
    """Puts the expanding path of U-Net on a backbone with c2 to c5 (arXiv 1505.04597).

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps "c1" to "c5", at the
        strides 2, 4, 8, 16 and 32. If "c1" is missing, its level has no skip
        connection, as in segmentation_models.pytorch.
      features: Numbers of channels of the decoder levels, from coarse to fine. The
        decoder starts at c5 if there are five numbers, at c4 if there are four, and at
        c3 if there are three.
      attention: "none", or "scse" to gate channels and pixels (arXiv 1803.02579).
      decoder_norm: The normalization of the head, a value of `BlockConfig.norm`; None
        takes that of `style`. With "none", its convolutions have a bias.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Options of an additional head that classifies whole images. `presence`
        is its number of classes; see `jaxseg.heads.presence.take_presence`.
    """
    presence = take_presence(options, levels_of(features)[0], style)
    head = UNetHead(num_classes, features, style, attention, decoder_norm, **options)
    return UNetEncoder(backbone, head, presence)


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
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Options of `create_resnet` and of `unet_encoder`.
    """
    trunk, rest = split_options(options)
    backbone = create_resnet(depth, 32, style=style, **trunk)
    return unet_encoder(num_classes, backbone, style=style, **rest)


unet_resnet18 = partial(unet_resnet, depth=18)
unet_resnet34 = partial(unet_resnet, depth=34)
unet_resnet50 = partial(unet_resnet, depth=50)
