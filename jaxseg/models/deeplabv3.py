"""DeepLab v3 (arXiv 1706.05587): parallel ASPP with image pooling, or a cascade.

Two heads: torchvision's, with one more 3x3 convolution and dropout 0.5, on the 7x7
stem; the paper's own on the "beta" stem. Output stride, rates and multi-grid leave the
parameters alone.
"""

from functools import partial

from jaxseg.backbones.mobilenet import MobileNetV2, MobileNetV3
from jaxseg.backbones.resnet import ResNet
from jaxseg.heads.aspp import ASPPHead, aspp_rates
from jaxseg.heads.cascade import CascadeHead
from jaxseg.heads.fcn import FCNHead
from jaxseg.heads.lraspp import LRASPPHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.nn.block_config import Style
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
    style: Style = Style(),
    **aspp_options,
) -> EncoderDecoder:
    """DeepLab v3 on ResNet (arXiv 1706.05587), torchvision's defaults.

    `refine` is the extra 3x3 convolution behind the ASPP; `aux` adds an FCN head on c4;
    `eager_rate` (of segmentation_models.pytorch), `dense_pool`, `second_rate`: see
    `ResNet`; `aspp_options` are fields of `jaxseg.nn.context.ASPP` (`separable`,
    `image_pool`, `pool_window`, `pool_first`, `project_kernel`, `dropout`,
    `channel_dropout`, `align_corners`).
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
    """The auxiliary head, which drops values or channels as the ASPP does."""
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
    style: Style = Style(),
) -> EncoderDecoder:
    """DeepLab v3 going deeper: block5 to block7 (arXiv 1706.05587, section 3.2).

    `cascade` is the number of blocks behind block4; output strides 8 to 256. At stride
    16 the rates of block4 to block7 are 2, 4, 8, 16 times `multi_grid`.
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
    style: Style = Style(),
    **aspp_options,
) -> EncoderDecoder:
    """DeepLab v3 on MobileNet v2's 320 channels (arXiv 1801.04381, section 6.3).

    `rates=()` leaves 1x1 and image pooling, the released mobile network.
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
    style: Style = Style(),
    **aspp_options,
) -> EncoderDecoder:
    """DeepLab v3 on MobileNet v3, torchvision's head (arXiv 1905.02244, 1706.05587).

    torchvision's own network is `eager_rate=True, rates=(12, 24, 36)`: stride-8 rates
    at stride 16, and a rate one layer early. Its auxiliary head (`aux`) reads c3.
    `epsilon` of the trunk's normalizations is 1e-5 in timm.
    """
    backbone = MobileNetV3(
        size,
        output_stride,
        width,
        reduced_tail,
        eager_rate,
        epsilon=epsilon,
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
    style: Style = Style(),
) -> EncoderDecoder:
    """Lite R-ASPP on MobileNet v3 (arXiv 1905.02244, section 6.4).

    torchvision's network is `eager_rate=True`; the paper's pooling is
    `window=((49, 49), (16, 20))` with `reduced_tail=True`.
    """
    backbone = MobileNetV3(
        size,
        output_stride,
        width,
        reduced_tail,
        eager_rate,
        epsilon=epsilon,
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
