"""DeepLab v3 (arXiv 1706.05587): parallel ASPP with image pooling, or a cascade.

There are two forms of the head. torchvision's form, used with the 7x7 stem, has an
additional 3x3 convolution and dropout 0.5. The paper's form is used with the "beta"
stem. Networks with different output strides, rates or multi-grids have the same
parameters.
"""

from functools import partial

from flax import linen as nn

from jaxseg.backbones.mobilenet import MobileNetV2, MobileNetV3
from jaxseg.backbones.resnet import create_resnet
from jaxseg.backbones.resnet_variant import SLIM
from jaxseg.heads.aspp import ASPPHead, aspp_rates
from jaxseg.heads.cascade import CascadeHead
from jaxseg.heads.fcn import FCNHead
from jaxseg.heads.lraspp import LRASPPHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.models.options import split_options
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.context import ASPP


def deeplabv3(
    num_classes: int,
    backbone: nn.Module,
    *,
    output_stride: int = 16,
    rates: tuple[int, ...] | None = None,
    refine: bool = True,
    aux: bool = False,
    aux_features: int | None = None,
    aux_tap: str = "c4",
    features: int = 256,
    style: BlockConfig = BlockConfig(),
    **aspp_options,
) -> EncoderDecoder:
    """Puts the head of DeepLab v3 on a backbone (arXiv 1706.05587).

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps that contains "c5".
      output_stride: Output stride of c5, by which the default rates are scaled.
      rates: Atrous rates of the ASPP; None takes (6, 12, 18) at output stride 16,
        scaled in inverse proportion to the stride.
      refine: Whether a 3x3 convolution follows the ASPP, as in torchvision.
      aux: Whether there is an auxiliary FCN head.
      aux_features: Number of channels of the auxiliary head; None takes a quarter of
        its input channels.
      aux_tap: The level that the auxiliary head reads.
      features: Number of channels of the ASPP.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **aspp_options: Further attributes of `jaxseg.nn.context.ASPP`: `separable`,
        `image_pool`, `pool_window`, `pool_first`, `project_kernel`, `dropout`,
        `channel_dropout`, `align_corners`.
    """
    aspp_options = {"dropout": 0.5 if refine else 0.1, **aspp_options}
    aspp = ASPP(features, aspp_rates(rates, output_stride), style=style, **aspp_options)
    aux_head = None
    if aux:
        # It drops values or channels as the ASPP does.
        aux_head = FCNHead(
            num_classes,
            aux_features,
            tap=None,
            style=style,
            channel_dropout=aspp.channel_dropout,
        )
    return EncoderDecoder(
        backbone,
        head=ASPPHead(num_classes, aspp, refine, style=style),
        aux_head=aux_head,
        aux_tap=aux_tap,
        align_corners=aspp.align_corners,
    )


def deeplabv3_resnet(
    num_classes: int,
    *,
    depth: int = 50,
    output_stride: int = 8,
    style: BlockConfig = BlockConfig(),
    **options,
) -> EncoderDecoder:
    """Creates DeepLab v3 on a ResNet with torchvision's defaults (arXiv 1706.05587).

    Args:
      num_classes: Number of classes.
      depth: Depth of the ResNet.
      output_stride: 4, 8, 16 or 32.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Options of `create_resnet`, such as `variant` or `multi_grid`, and of
        `deeplabv3`.
    """
    trunk, rest = split_options(options)
    backbone = create_resnet(depth, output_stride, style=style, **trunk)
    return deeplabv3(
        num_classes, backbone, output_stride=output_stride, style=style, **rest
    )


def deeplabv3_cascade(
    num_classes: int,
    backbone: nn.Module,
    *,
    cascade: int = 3,
    output_stride: int = 16,
    multi_grid: tuple[int, ...] = (1, 2, 1),
    width: int | None = None,
    style: BlockConfig = BlockConfig(),
) -> EncoderDecoder:
    """Puts the cascade of DeepLab v3 on a backbone (arXiv 1706.05587, section 3.2).

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps that contains "c5". Its
        stride must be `output_stride` or 32, whichever is smaller.
      cascade: Number of blocks after block 4.
      output_stride: 8 to 256.
      multi_grid: Factors on the rates of the units of a block.
      width: Each block of the cascade has 32 * width channels. With None, each has as
        many channels as c5.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    head = CascadeHead(
        num_classes,
        blocks=cascade,
        output_stride=output_stride,
        multi_grid=multi_grid,
        width=width,
        style=style,
    )
    return EncoderDecoder(backbone, head)


def deeplabv3_cascade_resnet(
    num_classes: int,
    *,
    depth: int = 50,
    cascade: int = 3,
    output_stride: int = 16,
    multi_grid: tuple[int, ...] = (1, 2, 1),
    width: int = 64,
    style: BlockConfig = BlockConfig(),
    **options,
) -> EncoderDecoder:
    """Creates DeepLab v3 as a cascade of blocks 5 to 7 (arXiv 1706.05587).

    See section 3.2 of the paper. At output stride 16, the rates of blocks 4 to 7 are
    `multi_grid` times 2, 4, 8 and 16.

    Args:
      num_classes: Number of classes.
      depth: Depth of the ResNet.
      cascade: Number of blocks after block 4.
      output_stride: 8 to 256.
      multi_grid: Factors on the rates of the units of a block.
      width: Number of channels of the first stage of the ResNet.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Further options of `create_resnet`.
    """
    backbone = create_resnet(
        depth,
        min(output_stride, 32),
        multi_grid=multi_grid,
        width=width,
        style=style,
        **{"variant": SLIM, **options},
    )
    return deeplabv3_cascade(
        num_classes,
        backbone,
        cascade=cascade,
        output_stride=output_stride,
        multi_grid=multi_grid,
        width=width,
        style=style,
    )


def deeplabv3_mobilenetv2(
    num_classes: int,
    *,
    output_stride: int = 16,
    width: float = 1.0,
    last: int = 0,
    style: BlockConfig = BlockConfig(),
    **options,
) -> EncoderDecoder:
    """Creates DeepLab v3 on MobileNet v2 (arXiv 1801.04381, section 6.3).

    The ASPP reads the 320 channels of c5, and no 3x3 convolution follows it.

    Args:
      num_classes: Number of classes.
      output_stride: 2, 4, 8, 16 or 32.
      width: Channel multiplier of the backbone.
      last: Number of channels of a last 1x1 convolution of the backbone; 0 for none.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Options of `deeplabv3`. With `rates=()`, the ASPP has only the 1x1
        branch and image pooling, as in the released mobile network.
    """
    return deeplabv3(
        num_classes,
        MobileNetV2(output_stride, width, last=last, style=style),
        output_stride=output_stride,
        style=style,
        **{"refine": False, **options},
    )


def deeplabv3_mobilenetv3(
    num_classes: int,
    *,
    size: str = "large",
    output_stride: int = 16,
    style: BlockConfig = BlockConfig(),
    **options,
) -> EncoderDecoder:
    """Creates DeepLab v3 on MobileNet v3 (arXiv 1905.02244, 1706.05587).

    The options are attributes of `MobileNetV3` and arguments of `deeplabv3`. The head
    is torchvision's. For the whole network of torchvision, set `eager_rate=True,
    rates=(12, 24, 36)`: at output stride 16 it uses the rates for output stride 8, and
    its atrous rates begin one block early. The auxiliary head (`aux=True`) reads c3.
    The option `epsilon` applies to the normalizations of the backbone. It is 1e-5 in
    timm, except for timm's `tf_` networks, which need `epsilon=1e-3` and
    `same_padding=True`.
    """
    trunk, rest = split_options(options, MobileNetV3)
    backbone = MobileNetV3(size, output_stride, style=style, **trunk)
    low = {"large": 40, "small": 24}.get(size, 40)
    return deeplabv3(
        num_classes,
        backbone,
        output_stride=output_stride,
        style=style,
        aux_features=low // 4,
        aux_tap="c3",
        **rest,
    )


def lraspp(
    num_classes: int,
    backbone: nn.Module,
    *,
    features: int = 128,
    window: tuple[tuple[int, int], tuple[int, int]] | None = None,
    style: BlockConfig = BlockConfig(),
) -> EncoderDecoder:
    """Puts Lite R-ASPP on a backbone with c3 and c5 (arXiv 1905.02244, section 6.4).

    `features` is the number of channels of the gated map. `window` is a pair of the
    size of the pooling window and its stride, in feature pixels. None selects global
    pooling. See `LRASPPHead`.
    """
    return EncoderDecoder(
        backbone, LRASPPHead(num_classes, features, window=window, style=style)
    )


def lraspp_mobilenetv3(
    num_classes: int,
    *,
    size: str = "large",
    output_stride: int = 16,
    style: BlockConfig = BlockConfig(),
    **options,
) -> EncoderDecoder:
    """Creates Lite R-ASPP on MobileNet v3 (arXiv 1905.02244, section 6.4).

    The options are attributes of `MobileNetV3`, such as `eager_rate` and
    `reduced_tail`, and arguments of `lraspp`, such as `window`. For torchvision's
    network, pass `eager_rate=True`. The paper's network pools 49x49 windows with stride
    (16, 20). For it, pass `window=((49, 49), (16, 20))` and `reduced_tail=True`.
    """
    trunk, rest = split_options(options, MobileNetV3)
    backbone = MobileNetV3(size, output_stride, style=style, **trunk)
    return lraspp(num_classes, backbone, style=style, **rest)


_paper = partial(
    deeplabv3_resnet,
    variant=SLIM,
    refine=False,
    output_stride=16,
    multi_grid=(1, 2, 4),
)
deeplabv3_resnet50 = partial(deeplabv3_resnet, depth=50)
deeplabv3_resnet101 = partial(deeplabv3_resnet, depth=101)
deeplabv3_resnet50_beta = partial(_paper, depth=50)
deeplabv3_resnet101_beta = partial(_paper, depth=101)
deeplabv3_cascade_resnet50_beta = partial(deeplabv3_cascade_resnet, depth=50)
deeplabv3_cascade_resnet101_beta = partial(deeplabv3_cascade_resnet, depth=101)
