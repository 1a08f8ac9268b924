"""DeepLab v3+ (arXiv 1802.02611): ASPP, and a decoder that adds low-level features.

Networks with different output strides, rates or multi-grids have the same parameters,
so a network can be trained at output stride 16 and evaluated at 8. The default rates
are (6, 12, 18) at output stride 16 and (12, 24, 36) at 8.
"""

from functools import partial

from flax import linen as nn

from jaxseg.backbones.mobilenet import MobileNetV2
from jaxseg.backbones.resnet import create_resnet
from jaxseg.backbones.xception import Xception
from jaxseg.heads.aspp import DeepLabV3PlusHead, aspp_rates
from jaxseg.heads.fcn import FCNHead
from jaxseg.heads.presence import take_presence
from jaxseg.models.compose import EncoderDecoder
from jaxseg.models.options import split_options
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.context import ASPP


def deeplabv3plus(
    num_classes: int,
    backbone: nn.Module,
    *,
    output_stride: int = 16,
    rates: tuple[int, ...] | None = None,
    separable: str = "none",
    features: int = 256,
    low: int = 48,
    style: BlockConfig = BlockConfig(),
    **options,
) -> EncoderDecoder:
    """Puts the head of DeepLab v3+ on a backbone with c2 and c5 (arXiv 1802.02611).

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps, such as "c2" and "c5".
      output_stride: Output stride of c5, by which the default rates are scaled.
      rates: Atrous rates of the ASPP; None takes (6, 12, 18) at output stride 16,
        scaled in inverse proportion to the stride.
      separable: How the 3x3 convolutions are divided into depthwise and pointwise ones:
        "none", "full" or "plain", see `SeparableConv`.
      features: Number of channels of ASPP and decoder.
      low: Number of channels to which the decoder reduces the low-level features.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Options of the ASPP (`image_pool`, `pool_window`, `pool_first`,
        `align_corners`, `project_kernel`, `dropout`, `channel_dropout`) and of the
        decoder (`fuse`, `after_aspp`, `head_dropout`, `low_tap`, `tap`).
        `separable_aspp` replaces `separable` for the ASPP. `aux` is the width of an
        auxiliary head on c4: 0 for none, 256 in MMSegmentation. `presence` is the
        number of classes of a head that classifies whole images, see
        `jaxseg.heads.presence.take_presence`.
    """
    decoder = {
        field: options.pop(key) for key, field in _DECODER.items() if key in options
    }
    separable_aspp = options.pop("separable_aspp", separable)
    aux = options.pop("aux", 0)
    presence = take_presence(options, decoder.get("tap", "c5"), style)
    rates = aspp_rates(rates, output_stride)
    aspp = ASPP(features, rates, separable_aspp, style=style, **options)
    head = DeepLabV3PlusHead(
        num_classes,
        aspp=aspp,
        low=low,
        features=features,
        separable=separable,
        style=style,
        **decoder,
    )
    drop = aspp.channel_dropout
    return EncoderDecoder(
        backbone,
        head,
        FCNHead(num_classes, aux, None, style=style, channel_dropout=drop)
        if aux
        else None,
        align_corners=aspp.align_corners,
        aux_presence=presence,
    )


_DECODER = {
    "fuse": "fuse",
    "after_aspp": "after_aspp",
    "head_dropout": "dropout",
    "low_tap": "low_tap",
    "tap": "tap",
}


def deeplabv3plus_resnet(
    num_classes: int,
    *,
    depth: int = 50,
    output_stride: int = 16,
    style: BlockConfig = BlockConfig(),
    **options,
) -> EncoderDecoder:
    """Creates DeepLab v3+ on a ResNet; the decoder reads c2 and c5 (arXiv 1802.02611).

    The default variant fits torchvision's ImageNet weights. `variant="slim"` is the
    ResNet of the authors. It downsamples in the last unit of a stage, and c2 is the
    output of the next-to-last unit of the first stage. `separable="full"` makes ASPP
    and decoder depthwise separable.

    Differs: with `variant="slim"`, c2 is the output of the next-to-last unit of the
    first stage. The authors' release takes c2 from the residual branch of the same
    unit, before the addition and ReLU.

    Args:
      num_classes: Number of classes.
      depth: Depth of the ResNet.
      output_stride: 4, 8, 16 or 32.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Options of `create_resnet`, such as `variant`, and of
        `deeplabv3plus`, such as `separable`.
    """
    trunk, rest = split_options(options)
    backbone = create_resnet(depth, output_stride, style=style, **trunk)
    return deeplabv3plus(
        num_classes, backbone, output_stride=output_stride, style=style, **rest
    )


def deeplabv3plus_xception(
    num_classes: int,
    *,
    depth: int = 65,
    output_stride: int = 16,
    style: BlockConfig = BlockConfig(),
    **options,
) -> EncoderDecoder:
    """Creates DeepLab v3+ on aligned Xception (arXiv 1802.02611).

    All convolutions of the ASPP and the decoder larger than 1x1 are separable. The
    low-level features c2 are taken after batch norm and before ReLU, as in the authors'
    release. In the paper, the network without image pooling (`image_pool=False`) has
    the higher mean IoU on Cityscapes.

    Args:
      num_classes: Number of classes.
      depth: Depth of the Xception: 41, 65 or 71.
      output_stride: 8, 16 or 32.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Attributes of `Xception` and options of `deeplabv3plus`.
    """
    trunk, rest = split_options(options, Xception)
    return deeplabv3plus(
        num_classes,
        Xception(depth, output_stride, style=style, **trunk),
        output_stride=output_stride,
        style=style,
        **{"separable": "full", **rest},
    )


def deeplabv3plus_mobilenetv2(
    num_classes: int,
    *,
    output_stride: int = 16,
    tap: str = "expanded",
    style: BlockConfig = BlockConfig(),
    **options,
) -> EncoderDecoder:
    """Creates DeepLab v3+ on MobileNet v2 (arXiv 1802.02611, 1801.04381).

    Args:
      num_classes: Number of classes.
      output_stride: 2, 4, 8, 16 or 32.
      tap: The low-level features. "expanded", as in the release, is the output of a
        depthwise convolution with 144 channels. "output" is the output of a block, with
        24 channels.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Attributes of `MobileNetV2` and options of `deeplabv3plus`.
        The network of segmentation_models.pytorch has `last=1280`, which keeps the last
        convolution of the ImageNet classifier, and `eager_rate=True`, with which the
        atrous rates begin one block early.
    """
    trunk, rest = split_options(options, MobileNetV2)
    return deeplabv3plus(
        num_classes,
        MobileNetV2(output_stride, tap=tap, style=style, **trunk),
        output_stride=output_stride,
        style=style,
        **{"separable": "full", **rest},
    )


deeplabv3plus_resnet50 = partial(deeplabv3plus_resnet, depth=50)
deeplabv3plus_resnet101 = partial(deeplabv3plus_resnet, depth=101)
deeplabv3plus_xception41 = partial(deeplabv3plus_xception, depth=41)
deeplabv3plus_xception65 = partial(deeplabv3plus_xception, depth=65)
deeplabv3plus_xception71 = partial(deeplabv3plus_xception, depth=71)
