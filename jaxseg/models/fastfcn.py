"""FastFCN (arXiv 1903.11816): JPU on an undilated ResNet, with four heads.

As in the authors' release, the stem is "beta", corners are aligned, an auxiliary head
reads c4, and dropout removes whole channels.
"""

from functools import partial
from typing import Any

from flax import linen as nn

from jaxseg.backbones.resnet import create_resnet
from jaxseg.heads.aspp import ASPPHead
from jaxseg.heads.encoding import EncHead
from jaxseg.heads.fcn import FCNHead
from jaxseg.heads.pyramid import JPUHead, PSPHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.models.options import split_options
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.context import ASPP, PyramidPooling
from jaxseg.nn.jpu import JPU
from jaxseg.text import one_of

HEADS = ("fcn", "psp", "deeplabv3", "enc")
VARIANTS = ("author", "mmseg")


def fastfcn(
    num_classes: int,
    backbone: nn.Module,
    *,
    head: str = "deeplabv3",
    rates: tuple[int, ...] = (12, 24, 36),
    jpu_rates: tuple[int, ...] = (1, 2, 4, 8),
    features: int = 512,
    aux: bool = True,
    align_corners: bool = True,
    variant: str = "author",
    style: BlockConfig = BlockConfig(),
) -> EncoderDecoder:
    """Puts JPU and one of four heads on a backbone (arXiv 1903.11816).

    The JPU reads c3, c4 and c5, and an auxiliary head reads c4. The authors' scripts
    weight the auxiliary loss by 0.4.

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps, named after their stages,
        such as "c4" and "c5".
      head: "fcn", "psp" (PSPNet), "deeplabv3" or "enc" (EncNet).
      rates: Atrous rates of the DeepLab v3 head.
      jpu_rates: Atrous rates of the JPU.
      features: Number of channels of the JPU and of the head. The DeepLab v3 head and
        the auxiliary head have features / 2 channels.
      aux: Whether there is an auxiliary head.
      align_corners: Whether all resizing aligns corners.
      variant: "author", or "mmseg" for MMSegmentation's JPU and heads (with
        `align_corners=False`).
      style: Settings of normalization and dtype, see `BlockConfig`.

    Raises:
      ValueError: If head or variant is unknown.
    """
    if variant not in VARIANTS:
        raise ValueError(f"variant={variant!r} is invalid{one_of(variant, VARIANTS)}")
    mmseg = variant == "mmseg"
    order: dict[str, Any] = {"order": ("c3", "c4", "c5")} if mmseg else {}
    jpu = JPU(features, jpu_rates, align_corners, style=style, **order)
    make = _mmseg_head if mmseg else _head
    inner = make(head, num_classes, features, rates, align_corners, style)
    return EncoderDecoder(
        backbone,
        JPUHead(jpu, inner),
        _fcn_head(num_classes, features=features // 2, tap=None, style=style)
        if aux
        else None,
        align_corners=align_corners,
    )


def fastfcn_resnet(
    num_classes: int,
    *,
    depth: int = 50,
    output_stride: int = 32,
    width: int = 64,
    variant: str = "author",
    style: BlockConfig = BlockConfig(),
    **options,
) -> EncoderDecoder:
    """Creates FastFCN on a ResNet with a deep stem (arXiv 1903.11816).

    Args:
      num_classes: Number of classes.
      depth: Depth of the ResNet.
      output_stride: Output stride of the backbone.
      width: Number of channels of the first stage of the ResNet. The JPU and the head
        have 8 * width channels.
      variant: The code that the JPU and the heads follow, "author" or "mmseg", see
        `fastfcn`. Combine "mmseg" with `stem="c"`.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Options of `fastfcn`, and of `create_resnet` except for its variant.
    """
    trunk, rest = split_options(options)
    backbone = create_resnet(
        depth, output_stride, width=width, style=style, **{"stem": "beta", **trunk}
    )
    rest = {"features": 8 * width, **rest}
    return fastfcn(num_classes, backbone, variant=variant, style=style, **rest)


def _head(name, num_classes, wide, rates, align_corners, style) -> nn.Module:
    if name == "fcn":
        return _fcn_head(num_classes, features=wide, tap="c5", style=style)
    if name == "psp":
        pyramid = PyramidPooling(wide, align_corners=align_corners, style=style)
        return PSPHead(num_classes, pyramid, style=style)
    if name == "deeplabv3":
        aspp = ASPP(
            wide // 2,
            rates,
            dropout=0.5,
            align_corners=align_corners,
            style=style,
            channel_dropout=True,
        )
        return ASPPHead(num_classes, aspp, refine=True, dropout=0.1, style=style)
    if name == "enc":
        return EncHead(num_classes, wide, style=style)
    raise ValueError(f"head={name!r} is invalid{one_of(name, HEADS)}")


def _fcn_head(num_classes, features, tap, style) -> FCNHead:
    return FCNHead(num_classes, features, tap, style=style, channel_dropout=True)


def _mmseg_head(name, num_classes, wide, rates, align_corners, style) -> nn.Module:
    if name == "deeplabv3":
        aspp = ASPP(
            wide,
            rates,
            align_corners=align_corners,
            project_kernel=3,
            pool_first=True,
            style=style,
            channel_dropout=True,
        )
        return ASPPHead(num_classes, aspp, style=style)
    if name == "enc":
        return EncHead(num_classes, wide, kernel=3, style=style)
    return _head(
        name,
        num_classes=num_classes,
        wide=wide,
        rates=rates,
        align_corners=align_corners,
        style=style,
    )


fastfcn_fcn_resnet50 = partial(fastfcn_resnet, depth=50, head="fcn")
fastfcn_fcn_resnet101 = partial(fastfcn_resnet, depth=101, head="fcn")
fastfcn_psp_resnet50 = partial(fastfcn_resnet, depth=50, head="psp")
fastfcn_psp_resnet101 = partial(fastfcn_resnet, depth=101, head="psp")
fastfcn_deeplabv3_resnet50 = partial(fastfcn_resnet, depth=50, head="deeplabv3")
fastfcn_deeplabv3_resnet101 = partial(fastfcn_resnet, depth=101, head="deeplabv3")
fastfcn_enc_resnet50 = partial(fastfcn_resnet, depth=50, head="enc")
fastfcn_enc_resnet101 = partial(fastfcn_resnet, depth=101, head="enc")
