"""FCN on a ResNet with atrous stages, as in torchvision (arXiv 1411.4038, 1512.03385).

The output stride is 8. The 3x3 head has a quarter of the channels of c5, an auxiliary
head of the same form reads c4, and the bilinear upsampling has half-pixel centers.
"""

from functools import partial

from jaxseg.backbones.resnet import ResNet
from jaxseg.heads.fcn import FCNHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.nn.block_config import BlockConfig


def fcn_resnet(
    num_classes: int,
    *,
    depth: int = 50,
    output_stride: int = 8,
    width: int = 64,
    blocks: tuple[int, ...] | None = None,
    convs: int = 1,
    join: bool = False,
    head_rate: int = 1,
    align_corners: bool = False,
    channel_dropout: bool = False,
    style: BlockConfig = BlockConfig(),
    **trunk,
) -> EncoderDecoder:
    """Creates FCN on a ResNet with an auxiliary head (arXiv 1411.4038).

    MMSegmentation's network is `convs=2, join=True, channel_dropout=True, stem="c"`;
    its FCN-D6 also has `head_rate=6`.

    Args:
      num_classes: Number of classes.
      depth: Depth of the ResNet.
      output_stride: 4, 8, 16 or 32.
      width: Number of channels of the stem. With bottlenecks, the heads have 8 and 4
        times as many.
      blocks: Number of units of each stage of the ResNet; None takes those of the
        depth.
      convs: See `FCNHead`.
      join: See `FCNHead`.
      head_rate: Atrous rate of the heads.
      align_corners: Whether the final resizing aligns corners.
      channel_dropout: See `FCNHead`.
      style: See `BlockConfig`.
      **trunk: Further attributes of `ResNet`.
    """
    backbone = ResNet(
        depth, output_stride, width=width, blocks=blocks, style=style, **trunk
    )
    options = {"rate": head_rate, "style": style, "channel_dropout": channel_dropout}
    return EncoderDecoder(
        backbone,
        FCNHead(num_classes, convs=convs, join=join, **options),
        FCNHead(num_classes, tap=None, **options),
        "c4",
        align_corners,
    )


fcn_resnet50 = partial(fcn_resnet, depth=50)
fcn_resnet101 = partial(fcn_resnet, depth=101)
