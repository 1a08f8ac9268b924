"""RefineNet on a ResNet (Lin et al. 2016, arXiv 1611.06612), for one input scale."""

from functools import partial

from flax import linen as nn

from jaxseg.backbones.resnet import create_resnet
from jaxseg.heads.refinenet import RefineNetHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.models.options import split_options
from jaxseg.nn.block_config import BlockConfig


def refinenet(
    num_classes: int,
    backbone: nn.Module,
    *,
    stages: int = 4,
    features: int = 256,
    dropout: float = 0.5,
    align_corners: bool = True,
    style: BlockConfig = BlockConfig(),
) -> EncoderDecoder:
    """Puts the decoder of RefineNet on a backbone with c2 to c5 (arXiv 1611.06612).

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps, named after their stages,
        such as "c4" and "c5".
      stages: Number of stages of chained residual pooling: 4 in the released code, 2 in
        the figure of the paper.
      features: Number of channels of the decoder at c2 to c4. At c5 it has 2 * features
        channels.
      dropout: Dropout rate.
      align_corners: Whether all upsampling aligns corners.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    head = RefineNetHead(
        num_classes,
        width=features,
        stages=stages,
        dropout=dropout,
        align_corners=align_corners,
        style=style,
    )
    return EncoderDecoder(backbone, head, align_corners=align_corners)


def refinenet_resnet(
    num_classes: int,
    *,
    depth: int = 101,
    width: int = 64,
    style: BlockConfig = BlockConfig(),
    **options,
) -> EncoderDecoder:
    """Creates RefineNet on ResNet-50, 101 or 152 (arXiv 1611.06612).

    The released recipe freezes the normalization of the encoder:
    `BlockConfig(norm="frozen")`.

    Args:
      num_classes: Number of classes.
      depth: Depth of the ResNet.
      width: Number of channels of the stem. The decoder has 4 * width channels, and 8 *
        width at c5.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Options of `create_resnet` and of `refinenet`.
    """
    trunk, rest = split_options(options)
    backbone = create_resnet(depth, width=width, style=style, **trunk)
    rest = {"features": 4 * width, **rest}
    return refinenet(num_classes, backbone, style=style, **rest)


refinenet_resnet50 = partial(refinenet_resnet, depth=50)
refinenet_resnet101 = partial(refinenet_resnet, depth=101)
refinenet_resnet152 = partial(refinenet_resnet, depth=152)
