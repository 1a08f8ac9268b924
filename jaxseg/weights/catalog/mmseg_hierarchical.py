"""Lists MMSegmentation's networks on ConvNeXt and Swin."""

from jaxseg.weights.catalog.maps import (
    mmseg_convnext,
    mmseg_parts,
    mmseg_swin,
    mmseg_upernet,
)
from jaxseg.weights.catalog.mmseg_peer import config, network_row
from jaxseg.weights.catalog.sources import Source, SourceNetwork, backbone_row
from jaxseg.weights.translate.rules import drop

_DEPTHWISE = "backbone.stages.0.0.depthwise_conv.weight"  # A key of ConvNeXt.

_TABLE = "backbone.stages.0.blocks.0.attn.w_msa.relative_position_bias_table"  # Swin.
_FUSE = "decode_head.fpn_bottleneck.conv.weight"  # A key of UPerNet.
_UNSEEN = (("align_corners", False), ("bins", (1, 2, 3, 6)))
_SWINS = {  # Size: (channels of the first stage, blocks, heads).
    "t": (96, (2, 2, 6, 2), (3, 6, 12, 24)),
    "s": (96, (2, 2, 18, 2), (3, 6, 12, 24)),
    "b": (128, (2, 2, 18, 2), (4, 8, 16, 32)),
}


def _swin(size: str, window: int) -> SourceNetwork:
    """Returns UPerNet on a Swin with a side of its windows."""
    width, blocks, heads = _SWINS[size]
    widths = tuple(width << stage for stage in range(4))
    return SourceNetwork(
        f"upernet_swin_{size}",
        () if window == 7 else (("window", window),),
        config("upernet_swin"),
        peer=(
            ("backbone.embed_dims", width),
            ("backbone.depths", blocks),
            ("backbone.num_heads", heads),
            ("backbone.window_size", window),
            ("decode_head.in_channels", widths),
            ("auxiliary_head.in_channels", widths[2]),
        ),
        unseen=_UNSEEN,
    )


NETWORKS: tuple[Source, ...] = (
    network_row(
        "UPerNet on Swin",
        rules=mmseg_upernet.SWIN,
        has=(_TABLE, _FUSE),
        networks=tuple(
            _swin(size, window)
            for size, window in (("t", 7), ("s", 7), ("b", 7), ("b", 12))
        ),
    ),
    network_row(
        "UPerNet on ConvNeXt",
        rules=mmseg_upernet.CONVNEXT,
        peer=None,
        has=(_DEPTHWISE, _FUSE),
        networks=tuple(
            SourceNetwork(f"upernet_convnext_{size}", unseen=_UNSEEN) for size in "tsb"
        ),
    ),
)

BACKBONES: tuple[Source, ...] = (
    backbone_row(
        "Swin Transformer of any network",
        rules=(*mmseg_swin.TRUNK, *mmseg_parts.HEADS),
        library="mmsegmentation",
        has=(_TABLE, "decode_head.conv_seg.weight"),
        example="upernet_swin_t",
    ),
    backbone_row(
        "ConvNeXt of any network",
        rules=(*mmseg_convnext.TRUNK, *mmseg_parts.HEADS),
        library="mmsegmentation",
        has=(_DEPTHWISE, "decode_head.conv_seg.weight"),
        example="upernet_convnext_t",
    ),
    backbone_row(
        "ConvNeXt of MMPretrain",
        rules=(*mmseg_convnext.TRUNK, *drop(r"head\.fc\.(weight|bias)")),
        library="mmsegmentation",
        has=(_DEPTHWISE, "head.fc.weight"),
        absent=("*stage[012]_norm/*",),
        example="upernet_convnext_t",
    ),
)
