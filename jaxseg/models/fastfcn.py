"""FastFCN (arXiv 1903.11816): JPU on an undilated ResNet, with four heads.

As in the authors' release, the stem is "beta", corners are aligned, an auxiliary head
reads c4, and dropout removes whole channels.
"""

from functools import partial

from flax import linen as nn

from jaxseg.backbones.resnet import ResNet
from jaxseg.heads.aspp import ASPPHead
from jaxseg.heads.encoding import EncHead
from jaxseg.heads.fcn import FCNHead
from jaxseg.heads.pyramid import JPUHead, PSPHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.context import ASPP, PyramidPooling
from jaxseg.nn.jpu import JPU

HEADS = ("fcn", "psp", "deeplabv3", "enc")
VARIANTS = ("author", "mmseg")


def fastfcn_resnet(
    num_classes: int,
    *,
    depth: int = 50,
    head: str = "deeplabv3",
    output_stride: int = 32,
    rates: tuple[int, ...] = (12, 24, 36),
    jpu_rates: tuple[int, ...] = (1, 2, 4, 8),
    stem: str = "beta",
    width: int = 64,
    blocks: tuple[int, ...] | None = None,
    aux: bool = True,
    align_corners: bool = True,
    variant: str = "author",
    style: BlockConfig = BlockConfig(),
    **trunk,
) -> EncoderDecoder:
    """Creates FastFCN on a ResNet (arXiv 1903.11816).

    The JPU has 8 times `width` channels, the heads 4 times (DeepLab v3) or 8 times. The
    authors' scripts weight the auxiliary loss by 0.4.

    Args:
      num_classes: Number of classes.
      depth: Depth of the ResNet.
      head: "fcn", "psp", "deeplabv3" or "enc".
      output_stride: Output stride of the backbone.
      rates: Atrous rates of the DeepLab v3 head.
      jpu_rates: Atrous rates of the JPU.
      stem: See `ResNet`.
      width: Number of channels of the first stage of the ResNet.
      blocks: Number of units of each stage of the ResNet; None takes those of the
        depth.
      aux: Whether there is an auxiliary head.
      align_corners: Whether all resizing aligns corners.
      variant: "author", or "mmseg" for MMSegmentation's JPU and heads (with `stem="c"`
        and `align_corners=False`).
      style: See `BlockConfig`.
      **trunk: Further attributes of `ResNet`.

    Raises:
      ValueError: If head or variant is unknown.
    """
    if variant not in VARIANTS:
        raise ValueError(f"variant={variant!r} is invalid: expected one of {VARIANTS}.")
    mmseg = variant == "mmseg"
    backbone = ResNet(
        depth,
        output_stride,
        stem=stem,
        width=width,
        blocks=blocks,
        style=style,
        **trunk,
    )
    order = {"order": ("c3", "c4", "c5")} if mmseg else {}
    jpu = JPU(8 * width, jpu_rates, align_corners, style=style, **order)
    make = _mmseg_head if mmseg else _head
    inner = make(head, num_classes, width, rates, align_corners, style)
    return EncoderDecoder(
        backbone,
        JPUHead(jpu, inner),
        _fcn_head(num_classes, 4 * width, None, style) if aux else None,
        align_corners=align_corners,
    )


def _head(name, num_classes, width, rates, align_corners, style) -> nn.Module:
    wide = 8 * width
    if name == "fcn":
        return _fcn_head(num_classes, wide, "c5", style)
    if name == "psp":
        pyramid = PyramidPooling(wide, align_corners=align_corners, style=style)
        return PSPHead(num_classes, pyramid, style=style)
    if name == "deeplabv3":
        aspp = ASPP(
            4 * width,
            rates,
            dropout=0.5,
            align_corners=align_corners,
            style=style,
            channel_dropout=True,
        )
        return ASPPHead(num_classes, aspp, refine=True, dropout=0.1, style=style)
    if name == "enc":
        return EncHead(num_classes, wide, style=style)
    raise ValueError(f"head={name!r} is invalid: expected one of {HEADS}.")


def _fcn_head(num_classes, features, tap, style) -> FCNHead:
    return FCNHead(num_classes, features, tap, style=style, channel_dropout=True)


def _mmseg_head(name, num_classes, width, rates, align_corners, style) -> nn.Module:
    wide = 8 * width
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
    return _head(name, num_classes, width, rates, align_corners, style)


fastfcn_fcn_resnet50 = partial(fastfcn_resnet, depth=50, head="fcn")
fastfcn_fcn_resnet101 = partial(fastfcn_resnet, depth=101, head="fcn")
fastfcn_psp_resnet50 = partial(fastfcn_resnet, depth=50, head="psp")
fastfcn_psp_resnet101 = partial(fastfcn_resnet, depth=101, head="psp")
fastfcn_deeplabv3_resnet50 = partial(fastfcn_resnet, depth=50, head="deeplabv3")
fastfcn_deeplabv3_resnet101 = partial(fastfcn_resnet, depth=101, head="deeplabv3")
fastfcn_enc_resnet50 = partial(fastfcn_resnet, depth=50, head="enc")
fastfcn_enc_resnet101 = partial(fastfcn_resnet, depth=101, head="enc")
