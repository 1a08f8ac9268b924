"""Unet++ on any backbone (arXiv 1807.10165), as in segmentation_models.pytorch."""

from functools import partial

from flax import linen as nn

from jaxseg.backbones.resnet import create_resnet
from jaxseg.heads.presence import take_presence
from jaxseg.heads.unet import levels_of
from jaxseg.heads.unet_plus_plus import UNetPlusPlusHead
from jaxseg.models.options import split_options
from jaxseg.models.unet_resnet import FEATURES, UNetEncoder
from jaxseg.nn.block_config import BlockConfig


def unet_plus_plus(
    num_classes: int,
    backbone: nn.Module,
    *,
    features: tuple[int, ...] = FEATURES,
    attention: str = "none",
    decoder_norm: str | None = None,
    style: BlockConfig = BlockConfig(),
    **options,
) -> UNetEncoder:
    """Puts the nested decoder of Unet++ on a backbone with c1 to c5 (arXiv 1807.10165).

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps "c1" to "c5", at the
        strides 2, 4, 8, 16 and 32.
      features: Numbers of channels of the nodes (0, 0), (0, 1) and so on, from coarse
        to fine, see `jaxseg.heads.unet_plus_plus`. The decoder starts at c5 if there
        are five numbers, at c4 if there are four, and at c3 if there are three.
      attention: "none", or "scse" to gate channels and pixels (arXiv 1803.02579).
      decoder_norm: The normalization of the head, a value of `BlockConfig.norm`; None
        takes that of `style`. With "none", its convolutions have a bias.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Options of an additional head that classifies whole images. `presence`
        is its number of classes; see `jaxseg.heads.presence.take_presence`.
    """
    presence = take_presence(options, levels_of(features)[0], style)
    head = UNetPlusPlusHead(
        num_classes, features, style, attention, decoder_norm, **options
    )
    return UNetEncoder(backbone, head, presence)


def unet_plus_plus_resnet(
    num_classes: int,
    *,
    depth: int = 34,
    style: BlockConfig = BlockConfig(),
    **options,
) -> UNetEncoder:
    """Creates Unet++ on a ResNet (arXiv 1807.10165).

    Args:
      num_classes: Number of classes.
      depth: Depth of the ResNet.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Options of `create_resnet` and of `unet_plus_plus`.
    """
    trunk, rest = split_options(options)
    backbone = create_resnet(depth, 32, style=style, **trunk)
    return unet_plus_plus(num_classes, backbone, style=style, **rest)


unetplusplus_resnet34 = partial(unet_plus_plus_resnet, depth=34)
