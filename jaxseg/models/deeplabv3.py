"""DeepLab v3 (arXiv 1706.05587): parallel ASPP with image pooling, or a cascade.

There are two heads. torchvision's, on the 7x7 stem, has another 3x3 convolution and
dropout 0.5. The paper's own is used with the "beta" stem. Output stride, rates and
multi-grid do not change the parameters.
"""

from functools import partial

from jaxseg.backbones.mobilenet import MobileNetV2, MobileNetV3
from jaxseg.backbones.resnet import ResNet
from jaxseg.heads.aspp import ASPPHead, aspp_rates
from jaxseg.heads.cascade import CascadeHead
from jaxseg.heads.fcn import FCNHead
from jaxseg.heads.lraspp import LRASPPHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.context import ASPP


def deeplabv3_resnet(
    num_classes: int,
    *,
    depth: int = 50,
    output_stride: int = 8,
    rates: tuple[int, ...] | None = None,
    multi_grid: tuple[int, ...] = (1, 1, 1),
    stem: str = "7x7",
    stride_in: str = "conv2",
    eager_rate: bool = False,
    dense_pool: str = "atrous",
    second_rate: bool = True,
    refine: bool = True,
    aux: bool = False,
    features: int = 256,
    width: int = 64,
    blocks: tuple[int, ...] | None = None,
    style: BlockConfig = BlockConfig(),
    **aspp_options,
) -> EncoderDecoder:
    """Creates DeepLab v3 on a ResNet with torchvision's defaults (arXiv 1706.05587).

    For `multi_grid`, `stem`, `stride_in`, `eager_rate` (as in
    segmentation_models.pytorch), `dense_pool`, `second_rate`, `width` and `blocks` see
    `ResNet`.

    Args:
      num_classes: Number of classes.
      depth: Depth of the ResNet.
      output_stride: 4, 8, 16 or 32.
      rates: Atrous rates of the ASPP; None takes (6, 12, 18) at stride 16, scaled.
      refine: Whether a 3x3 convolution follows the ASPP.
      aux: Whether there is an auxiliary FCN head on c4.
      features: Number of channels of the ASPP.
      style: See `BlockConfig`.
      **aspp_options: Further attributes of `jaxseg.nn.context.ASPP`: `separable`,
        `image_pool`, `pool_window`, `pool_first`, `project_kernel`, `dropout`,
        `channel_dropout`, `align_corners`.
    """
    backbone = ResNet(
        depth,
        output_stride,
        multi_grid,
        stem,
        stride_in,
        width,
        blocks,
        style,
        eager_rate,
        dense_pool,
        second_rate,
    )
    aspp_options = {"dropout": 0.5 if refine else 0.1, **aspp_options}
    aspp = ASPP(features, aspp_rates(rates, output_stride), style=style, **aspp_options)
    return EncoderDecoder(
        backbone,
        ASPPHead(num_classes, aspp, refine, style=style),
        _aux_head(num_classes, None, aspp, style) if aux else None,
        align_corners=aspp.align_corners,
    )


def _aux_head(num_classes, features, aspp, style) -> FCNHead:
    """Returns the auxiliary head, which drops values or channels as the ASPP does."""
    return FCNHead(
        num_classes,
        features,
        tap=None,
        style=style,
        channel_dropout=aspp.channel_dropout,
    )


def deeplabv3_cascade(
    num_classes: int,
    *,
    depth: int = 50,
    cascade: int = 3,
    output_stride: int = 16,
    multi_grid: tuple[int, ...] = (1, 2, 1),
    stem: str = "beta",
    stride_in: str = "last",
    width: int = 64,
    blocks: tuple[int, ...] | None = None,
    style: BlockConfig = BlockConfig(),
) -> EncoderDecoder:
    """Creates DeepLab v3 as a cascade of blocks 5 to 7 (arXiv 1706.05587).

    See section 3.2 of the paper.
    At stride 16, the rates of blocks 4 to 7 are 2, 4, 8 and 16 times `multi_grid`.

    Args:
      num_classes: Number of classes.
      depth: Depth of the ResNet.
      cascade: Number of blocks after block 4.
      output_stride: 8 to 256.
      multi_grid: Factors on the rates of the units of a block.
      stem: See `ResNet`.
      stride_in: See `ResNet`.
      width: Number of channels of the first stage of the ResNet.
      blocks: Number of units of each stage of the ResNet; None takes those of the
        depth.
      style: See `BlockConfig`.
    """
    backbone = ResNet(
        depth,
        min(output_stride, 32),
        multi_grid,
        stem,
        stride_in,
        width,
        blocks,
        style,
    )
    head = CascadeHead(
        num_classes, cascade, output_stride, multi_grid, width, style=style
    )
    return EncoderDecoder(backbone, head)


def deeplabv3_mobilenetv2(
    num_classes: int,
    *,
    output_stride: int = 16,
    rates: tuple[int, ...] | None = None,
    features: int = 256,
    width: float = 1.0,
    last: int = 0,
    style: BlockConfig = BlockConfig(),
    **aspp_options,
) -> EncoderDecoder:
    """Creates DeepLab v3 on MobileNet v2 (arXiv 1801.04381, section 6.3).

    The ASPP reads the 320 channels of c5.
    Args:
      num_classes: Number of classes.
      output_stride: 2, 4, 8, 16 or 32.
      rates: Atrous rates of the ASPP. () leaves its 1x1 branch and image pooling, which
        is the released mobile network.
      features: Number of channels of the ASPP.
      width: Channel multiplier of the backbone.
      last: See `MobileNetV2`.
      style: See `BlockConfig`.
      **aspp_options: Further attributes of `jaxseg.nn.context.ASPP`.
    """
    aspp = ASPP(features, aspp_rates(rates, output_stride), style=style, **aspp_options)
    return EncoderDecoder(
        MobileNetV2(output_stride, width, last=last, style=style),
        ASPPHead(num_classes, aspp, style=style),
        align_corners=aspp.align_corners,
    )


def deeplabv3_mobilenetv3(
    num_classes: int,
    *,
    size: str = "large",
    output_stride: int = 16,
    rates: tuple[int, ...] | None = None,
    refine: bool = True,
    aux: bool = False,
    features: int = 256,
    width: float = 1.0,
    reduced_tail: bool = False,
    eager_rate: bool = False,
    epsilon: float = 1e-3,
    same_padding: bool = False,
    style: BlockConfig = BlockConfig(),
    **aspp_options,
) -> EncoderDecoder:
    """Creates DeepLab v3 on MobileNet v3 (arXiv 1905.02244, 1706.05587).

    The head is torchvision's. torchvision's network is `eager_rate=True, rates=(12, 24,
    36)`: it has the rates of stride 8 at stride 16, and dilates one layer early. Its
    auxiliary head (`aux`) reads c3. `epsilon` belongs to the normalizations of the
    backbone. timm has 1e-5, but 1e-3 in its `tf_` networks, which also need
    `same_padding=True`. For the other options see `MobileNetV3` and `deeplabv3_resnet`.
    """
    backbone = MobileNetV3(
        size,
        output_stride,
        width,
        reduced_tail,
        eager_rate,
        epsilon=epsilon,
        same_padding=same_padding,
        style=style,
    )
    aspp_options = {"dropout": 0.5 if refine else 0.1, **aspp_options}
    aspp = ASPP(features, aspp_rates(rates, output_stride), style=style, **aspp_options)
    low = {"large": 40, "small": 24}.get(size, 40)
    return EncoderDecoder(
        backbone,
        ASPPHead(num_classes, aspp, refine, style=style),
        _aux_head(num_classes, low // 4, aspp, style) if aux else None,
        "c3",
        align_corners=aspp.align_corners,
    )


def lraspp_mobilenetv3(
    num_classes: int,
    *,
    size: str = "large",
    output_stride: int = 16,
    features: int = 128,
    window: tuple[tuple[int, int], tuple[int, int]] | None = None,
    width: float = 1.0,
    reduced_tail: bool = False,
    eager_rate: bool = False,
    epsilon: float = 1e-3,
    same_padding: bool = False,
    style: BlockConfig = BlockConfig(),
) -> EncoderDecoder:
    """Creates Lite R-ASPP on MobileNet v3 (arXiv 1905.02244, section 6.4).

    torchvision's network is `eager_rate=True`. The pooling of the paper is
    `window=((49, 49), (16, 20))` with `reduced_tail=True`. For the other options see
    `MobileNetV3` and `LRASPPHead`.
    """
    backbone = MobileNetV3(
        size,
        output_stride,
        width,
        reduced_tail,
        eager_rate,
        epsilon=epsilon,
        same_padding=same_padding,
        style=style,
    )
    return EncoderDecoder(
        backbone, LRASPPHead(num_classes, features, window=window, style=style)
    )


_paper = partial(
    deeplabv3_resnet,
    stem="beta",
    stride_in="last",
    refine=False,
    output_stride=16,
    multi_grid=(1, 2, 4),
)
deeplabv3_resnet50 = partial(deeplabv3_resnet, depth=50)
deeplabv3_resnet101 = partial(deeplabv3_resnet, depth=101)
deeplabv3_resnet50_beta = partial(_paper, depth=50)
deeplabv3_resnet101_beta = partial(_paper, depth=101)
deeplabv3_cascade_resnet50_beta = partial(deeplabv3_cascade, depth=50)
deeplabv3_cascade_resnet101_beta = partial(deeplabv3_cascade, depth=101)
