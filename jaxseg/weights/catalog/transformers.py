"""Lists the networks of the library transformers that can be imported."""

from jaxseg.weights.catalog.maps import (
    transformers_dinov2,
    transformers_dpt,
    transformers_segformer,
    transformers_upernet,
)
from jaxseg.weights.catalog.sources import Source, SourceNetwork, backbone_row
from jaxseg.weights.translate.model_card import HALF
from jaxseg.weights.translate.rules import prefixed

_MIT = "segformer.encoder.block.0.0.attention.self.query.weight"
_PYRAMID = "decode_head.fpn_bottleneck.conv.weight"
_SWIN = "backbone.encoder.layers.0.blocks.0.attention.self.query.weight"
_CONVNEXT = "backbone.encoder.stages.0.layers.0.layer_scale_parameter"
_DINOV2 = (
    "embeddings.cls_token",
    "encoder.layer.0.layer_scale1.lambda1",
    "encoder.layer.0.attention.attention.query.weight",
)
_REGISTERS = "embeddings.register_tokens"
_LARGE_SWIN = (("width", 192), ("heads", (6, 12, 24, 48)))
_SWINS = (  # Size in jaxseg and options.
    ("t", ()),
    ("s", ()),
    ("b", (("window", 12),)),
    ("b", (("window", 12), *_LARGE_SWIN)),
)


def _widths(width: int) -> tuple[tuple[str, object], ...]:
    """Returns the option with the channels of the stages of a ConvNeXt."""
    return (("channels", tuple(width << stage for stage in range(4))),)


NETWORKS: tuple[Source, ...] = (
    Source(
        "SegFormer",
        rules=transformers_segformer.MAP,
        library="transformers",
        has=(_MIT, "decode_head.linear_fuse.weight"),
        networks=tuple(SourceNetwork(f"segformer_b{size}") for size in range(6)),
    ),
    Source(
        "UPerNet on Swin",
        rules=transformers_upernet.SWIN,
        library="transformers",
        has=(_SWIN, _PYRAMID),
        networks=tuple(
            SourceNetwork(f"upernet_swin_{size}", (("shift_always", False), *options))
            for size, options in _SWINS
        ),
    ),
    Source(
        "UPerNet on ConvNeXt",
        rules=transformers_upernet.CONVNEXT,
        library="transformers",
        has=(_CONVNEXT, _PYRAMID),
        networks=(
            *(SourceNetwork(f"upernet_convnext_{size}") for size in "tsb"),
            # ConvNeXt-L and -XL have the blocks of B with more channels.
            *(SourceNetwork("upernet_convnext_b", _widths(n)) for n in (192, 256)),
        ),
    ),
    Source(
        "DPT",
        rules=transformers_dpt.MAP,
        library="transformers",
        has=(
            "dpt.encoder.layer.0.attention.attention.query.weight",
            "neck.reassemble_stage.readout_projects.0.0.weight",
            "head.head.4.weight",
            "neck.fusion_stage.layers.0.residual_layer2.batch_norm1.weight",
        ),
        networks=tuple(
            SourceNetwork(f"dpt_vit{size}16", (("epsilon", 1e-12),)) for size in "bl"
        ),
        normalization=HALF,
    ),
)

BACKBONES: tuple[Source, ...] = (
    backbone_row(
        "Mix Transformer",
        rules=prefixed(transformers_segformer.BACKBONE, dst="backbone/"),
        library="transformers",
        has=(_MIT,),
        lacks=("decode_head.linear_fuse.weight",),
        example="segformer_b0",
    ),
    *(
        backbone_row(
            f"DINOv2{title}",
            rules=prefixed(transformers_dinov2.BACKBONE, dst="backbone/"),
            library="transformers",
            has=has,
            lacks=lacks,
            options=options,
            example=f"linear_dinov2_vits14{suffix}",
        )
        # The networks without registers resize the positions without the offset of the
        # authors' code.
        for title, has, lacks, options, suffix in (
            ("", _DINOV2, (_REGISTERS,), (("resizing", "bicubic"),), ""),
            (" with registers", (*_DINOV2, _REGISTERS), (), (), "_reg"),
        )
    ),
)
