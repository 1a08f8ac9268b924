"""Lists MMSegmentation's networks on ConvNeXt."""

from jaxseg.weights.catalog.maps import mmseg_convnext, mmseg_parts, mmseg_upernet
from jaxseg.weights.catalog.sources import Source, SourceNetwork, backbone_row
from jaxseg.weights.translate.rules import drop

_DEPTHWISE = "backbone.stages.0.0.depthwise_conv.weight"  # A key of ConvNeXt.

NETWORKS: tuple[Source, ...] = (
    Source(
        "UPerNet on ConvNeXt",
        rules=mmseg_upernet.CONVNEXT,
        library="mmsegmentation",
        has=(_DEPTHWISE, "decode_head.fpn_bottleneck.conv.weight"),
        networks=tuple(
            SourceNetwork(
                f"upernet_convnext_{size}",
                unseen=(("align_corners", False), ("bins", (1, 2, 3, 6))),
            )
            for size in "tsb"
        ),
    ),
)

BACKBONES: tuple[Source, ...] = (
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
