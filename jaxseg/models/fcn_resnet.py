"""FCN on a ResNet with atrous stages, as in torchvision (arXiv 1411.4038, 1512.03385).

The output stride is 8. The 3x3 head has a quarter of the channels of c5, an auxiliary
head of the same form reads c4, and the bilinear upsampling has half-pixel centers.
"""

from functools import partial
from typing import Any

from flax import linen as nn

from jaxseg.backbones.resnet import create_resnet
from jaxseg.heads.fcn import FCNHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.models.options import split_options
from jaxseg.nn.block_config import BlockConfig


def fcn(
    num_classes: int,
    backbone: nn.Module,
    *,
    convs: int = 1,
    join: bool = False,
    head_rate: int = 1,
    align_corners: bool = False,
    channel_dropout: bool = False,
    style: BlockConfig = BlockConfig(),
) -> EncoderDecoder:
    """Puts a 3x3 head on c5 and an auxiliary one on c4 (arXiv 1411.4038).

    Each head has a quarter as many channels as the map that it reads.

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps, named after their stages,
        such as "c4" and "c5".
      convs: Number of 3x3 convolutions of the main head. The auxiliary head has one.
      join: Whether another 3x3 convolution of the main head reads the concatenation of
        c5 with the result of these convolutions.
      head_rate: Atrous rate of the heads.
      align_corners: Whether the final resizing aligns corners.
      channel_dropout: Whether dropout removes whole channels, not single values.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    options: dict[str, Any] = {"rate": head_rate, "style": style}
    options["channel_dropout"] = channel_dropout
    return EncoderDecoder(
        backbone,
        head=FCNHead(num_classes, convs=convs, join=join, **options),
        aux_head=FCNHead(num_classes, tap=None, **options),
        aux_tap="c4",
        align_corners=align_corners,
    )


def fcn_resnet(
    num_classes: int,
    *,
    depth: int = 50,
    output_stride: int = 8,
    style: BlockConfig = BlockConfig(),
    **options,
) -> EncoderDecoder:
    """Creates FCN on a ResNet with an auxiliary head (arXiv 1411.4038).

    MMSegmentation's network has `convs=2, join=True, channel_dropout=True, stem="c"`;
    its variant FCN-D6 also has `head_rate=6`.

    Args:
      num_classes: Number of classes.
      depth: Depth of the ResNet.
      output_stride: 4, 8, 16 or 32.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Options of `create_resnet` and of `fcn`.
    """
    trunk, rest = split_options(options)
    backbone = create_resnet(depth, output_stride, style=style, **trunk)
    return fcn(num_classes, backbone, style=style, **rest)


fcn_resnet50 = partial(fcn_resnet, depth=50)
fcn_resnet101 = partial(fcn_resnet, depth=101)
