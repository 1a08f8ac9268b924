"""FCN on ResNet with atrous stages, torchvision's form (arXiv 1411.4038, 1512.03385).

Output stride 8, a 3x3 head of a quarter of c5's channels, the same on c4 as auxiliary
head, bilinear upsampling with half-pixel centers.
"""

from functools import partial

from jaxseg.backbones.resnet import ResNet
from jaxseg.heads.fcn import FCNHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.nn.block_config import Style


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
    style: Style = Style(),
    **trunk,
) -> EncoderDecoder:
    """FCN over ResNet with an auxiliary head (arXiv 1411.4038).

    `width` is the stem's channels; heads have 8 and 4 times as many (bottlenecks).
    `trunk` are further fields of `ResNet`. MMSegmentation's network is `convs=2,
    join=True, channel_dropout=True, stem="c"` (see `FCNHead`), its FCN-D6 in addition
    `head_rate=6`.
    `align_corners` is the corner rule of the final resizing.
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
