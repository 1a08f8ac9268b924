"""Lists MMSegmentation's networks on HRNet: the FCN head and OCRNet.

"HRNetV2-W18-Small" of MMSegmentation's configurations is `small_v2` of the authors.
"""

from jaxseg.weights.catalog.maps import mmseg_hrnet, mmseg_ocrnet, mmseg_parts
from jaxseg.weights.catalog.mmseg_peer import PEER, config
from jaxseg.weights.catalog.sources import Source, SourceNetwork, backbone_row

_WIDTHS = (18, 32, 48)  # Channels of the finest branch, as published by HRNet.
_STAGE4 = "backbone.stage4.0.branches.0.0.conv1.weight"
_SMALL = (  # Options of small_v2 that differ from those of W18.
    ("first_blocks", 2),
    ("blocks", 2),
    ("modules", (1, 3, 2)),
)
_FCN = (("head_bias", False), ("two_step", True))
_OCR = (("bias", False), ("align_corners", False), ("two_step", True))


def _fields(width: int) -> tuple[tuple[str, object], ...]:
    """Returns fields of the backbone and of the FCN head, which reads all branches."""
    widths = tuple(width << branch for branch in range(4))
    extra = "backbone.extra.stage{}.num_channels"
    return (
        *((extra.format(stage), widths[:stage]) for stage in (2, 3, 4)),
        ("decode_head.in_channels", widths),
        ("decode_head.channels", 15 * width),
    )


def _small_fields() -> tuple[tuple[str, object], ...]:
    """Returns the fields of the small backbone that differ from those of W18."""
    stage = "backbone.extra.stage{}.{}"
    return (
        *((stage.format(k, "num_blocks"), (2,) * k) for k in (1, 2, 3, 4)),
        *((stage.format(k, "num_modules"), count) for k, count in ((3, 3), (4, 2))),
    )


NETWORKS: tuple[Source, ...] = (
    Source(
        "HRNet",
        rules=mmseg_hrnet.MAP,
        library="mmsegmentation",
        has=(_STAGE4, "decode_head.convs.0.conv.weight", "decode_head.conv_seg.weight"),
        networks=(
            *(
                SourceNetwork(
                    f"hrnet_w{width}", _FCN, config("fcn_hr18"), peer=_fields(width)
                )
                for width in _WIDTHS
            ),
            SourceNetwork(
                "hrnet_small_v2", _FCN, config("fcn_hr18"), peer=_small_fields()
            ),
        ),
        peer=PEER,
    ),
    Source(
        "OCRNet on HRNet",
        rules=mmseg_ocrnet.MAP,
        library="mmsegmentation",
        has=(_STAGE4, "decode_head.1.object_context_block.bottleneck.conv.weight"),
        networks=(
            *(
                SourceNetwork(
                    f"ocrnet_hrnet_w{width}",
                    _OCR,
                    config("ocrnet_hr18") if width == 18 else "",
                )
                for width in _WIDTHS
            ),
            SourceNetwork(
                "ocrnet_hrnet_w18",
                (*_OCR, *_SMALL),
                config("ocrnet_hr18"),
                peer=_small_fields(),
            ),
        ),
        peer=PEER,
    ),
)

BACKBONES: tuple[Source, ...] = (
    backbone_row(
        "HRNet of any network",
        rules=(*mmseg_hrnet.TRUNK, *mmseg_parts.HEADS),
        library="mmsegmentation",
        has=(_STAGE4, "decode_head.conv_seg.weight"),
        example="hrnet_w18",
    ),
)
