"""Lists the networks of MMSegmentation that can be imported.

Networks whose head is not supported are listed as backbones.

In each `SourceNetwork`, `factory` names a configuration file of the installed
MMSegmentation, and `peer` contains values that replace fields of that file.
"""

from jaxseg.weights.catalog import mmseg_hierarchical, mmseg_high_resolution
from jaxseg.weights.catalog.maps import (
    mmseg_bisenet,
    mmseg_dpt,
    mmseg_parts,
    mmseg_resnet,
    mmseg_resnet_d,
    mmseg_resnet_v1,
    mmseg_segformer,
    mmseg_setr,
    mmseg_unet,
    mmseg_upernet,
)
from jaxseg.weights.catalog.mmseg_peer import config, network_row
from jaxseg.weights.catalog.mmseg_resnet_heads import HEADS
from jaxseg.weights.catalog.sources import Source, SourceNetwork, backbone_row
from jaxseg.weights.translate.rules import prefixed

_STEM = "backbone.stem.0.weight"
_POOLED = "backbone.layer1.0.downsample.2.weight"
_LAYER0 = "backbone.layers.0.attn.attn.in_proj_weight"  # A key of ViT.
_MIT = "backbone.layers.0.1.0.attn.sr.weight"


def _setr(decoder: str) -> tuple[SourceNetwork, ...]:
    """Returns SETR-L and -B at the image sizes of Cityscapes and ADE20K."""
    return tuple(
        SourceNetwork(
            f"setr_{decoder}_vit{trunk}16",
            (("variant", "mmseg"), ("image_size", (size, size))),
            config(f"setr_{decoder}") if trunk == "l" else "",
            peer=(("backbone.img_size", (size, size)),),
        )
        for trunk in "lb"
        for size in (768, 512)
    )


def _upernet(backbone: str, name: str) -> SourceNetwork:
    """Returns UPerNet on a plain transformer with a neck, as trained on ADE20K."""
    inner = {"image_size": (512, 512), "patch_bias": False, "resizing": "bicubic"}
    return SourceNetwork(
        "upernet",
        (
            ("neck", "multilevel"),
            ("aux_tap", "c5"),
            ("backbone_options", inner),
        ),
        config(f"vit/vit_{name}_mln_upernet_8xb2-160k_ade20k-512x512"),
        unseen=(("align_corners", False), ("bins", (1, 2, 3, 6))),
        backbone=backbone,
    )


_MIT_BLOCKS = {
    "b0": (2, 2, 2, 2),
    "b1": (2, 2, 2, 2),
    "b2": (3, 4, 6, 3),
    "b3": (3, 4, 18, 3),
    "b4": (3, 8, 27, 3),
    "b5": (3, 6, 40, 3),
}


def _segformer(size: str) -> tuple[tuple[str, object], ...]:
    """Returns the fields of SegFormer that differ from those of B0."""
    width = 32 if size == "b0" else 64
    return (
        ("backbone.embed_dims", width),
        ("backbone.num_layers", _MIT_BLOCKS[size]),
        ("decode_head.in_channels", tuple(width * k for k in (1, 2, 5, 8))),
    )


NETWORKS: tuple[Source, ...] = (
    *(row for head in HEADS for row in head.rows()),
    *mmseg_hierarchical.NETWORKS,
    network_row(
        "UNet",
        rules=mmseg_unet.MAP,
        has=("backbone.encoder.0.0.convs.0.conv.weight", "decode_head.conv_seg.weight"),
        networks=(SourceNetwork("unet_fcn", factory=config("fcn_unet_s5-d16")),),
    ),
    *mmseg_high_resolution.NETWORKS,
    network_row(
        "SETR-MLA",
        rules=mmseg_setr.MLA,
        has=(_LAYER0, "neck.mla.channel_proj.0.conv.weight"),
        networks=_setr("mla"),
    ),
    network_row(
        "SETR-PUP",
        rules=mmseg_setr.UPSAMPLING,
        has=(_LAYER0, "decode_head.up_convs.3.0.conv.weight"),
        lacks=("neck.mla.channel_proj.0.conv.weight",),
        networks=_setr("pup"),
    ),
    network_row(
        "SETR-naive",
        rules=mmseg_setr.UPSAMPLING,
        has=(_LAYER0, "decode_head.up_convs.0.0.conv.weight"),
        lacks=(
            "neck.mla.channel_proj.0.conv.weight",
            "decode_head.up_convs.3.0.conv.weight",
        ),
        networks=_setr("naive"),
    ),
    network_row(
        "UPerNet on ViT",
        rules=mmseg_upernet.VIT,
        has=(
            _LAYER0,
            "neck.lateral_convs.0.conv.weight",
            "decode_head.fpn_bottleneck.conv.weight",
        ),
        lacks=("backbone.ln1.weight",),  # It normalizes the last level only.
        networks=(_upernet("vitb16", "vit-b16"), _upernet("vits16", "deit-s16")),
    ),
    network_row(
        "DPT",
        rules=mmseg_dpt.MAP,
        has=(_LAYER0, "decode_head.reassemble_blocks.projects.0.conv.weight"),
        networks=(
            SourceNetwork(
                "dpt_vitb16",
                (("variant", "mmseg"), ("image_size", (224, 224))),
                config("dpt_vit-b16"),
            ),
        ),
    ),
    network_row(
        "SegFormer",
        rules=mmseg_segformer.MAP,
        has=(_MIT, "decode_head.fusion_conv.conv.weight"),
        networks=tuple(
            SourceNetwork(
                f"segformer_{size}",
                (("variant", "mmseg"),),
                config("segformer_mit-b0"),
                peer=_segformer(size),
            )
            for size in _MIT_BLOCKS
        ),
    ),
    network_row(
        "BiSeNetV1",
        rules=mmseg_bisenet.MAP,
        has=(
            "backbone.context_path.gap_conv.1.conv.weight",
            "backbone.ffm.conv1.conv.weight",
        ),
        networks=(
            SourceNetwork(
                "bisenet_resnet18",
                (("form", "mmseg"),),
                config("bisenetv1_r18-d32"),
            ),
        ),
    ),
)

BACKBONES: tuple[Source, ...] = (
    *mmseg_hierarchical.BACKBONES,
    *(
        backbone_row(
            f"ResNet-v1{kind}",
            rules=table,
            library="mmsegmentation",
            has=(
                "stem.0.weight",
                "stem.6.weight",
                f"layer2.0.downsample.{last}.weight",
            ),
            lacks=lacks,
            options=(("stem", kind),),
            example="fcn_resnet50",
        )
        for kind, table, last, lacks in (
            ("c", mmseg_resnet.CLASSIFIER, 0, ("layer2.0.downsample.2.weight",)),
            ("d", mmseg_resnet_d.CLASSIFIER, 2, ()),
        )
    ),
    *(
        backbone_row(
            f"ResNet-{kind} of any network",
            rules=(*table, *mmseg_parts.HEADS),
            library="mmsegmentation",
            has=(*has, "backbone.layer4.0.conv1.weight"),
            lacks=lacks,
            options=options,
            example="fcn_resnet50",
        )
        for kind, table, has, lacks, options in (
            (
                "v1d",
                mmseg_resnet_d.MAP,
                (_STEM, _POOLED),
                (),
                (("stem", "d"), ("dense_pool", "none")),
            ),
            ("v1c", mmseg_resnet.MAP, (_STEM,), (_POOLED,), (("stem", "c"),)),
            (
                "v1b",
                mmseg_resnet_v1.MAP,
                ("backbone.conv1.weight", "decode_head.conv_seg.weight"),
                (),
                (("stem", "7x7"),),
            ),
        )
    ),
    *mmseg_high_resolution.BACKBONES,
    backbone_row(
        "Mix Transformer of any network",
        rules=(*mmseg_segformer.TRUNK, *mmseg_parts.HEADS),
        library="mmsegmentation",
        has=(_MIT, "decode_head.conv_seg.weight"),
        options=(("joint", True), ("epsilon", 1e-6)),
        example="segformer_b0",
    ),
    backbone_row(
        "Mix Transformer",
        rules=prefixed(mmseg_segformer.BACKBONE, dst="backbone/"),
        library="mmsegmentation",
        has=("layers.0.1.0.attn.sr.weight", "layers.3.2.weight"),
        options=(("joint", True), ("epsilon", 1e-6)),
        example="segformer_b0",
    ),
    backbone_row(
        "ViT of any network",
        rules=(*mmseg_setr.TRUNK, *mmseg_parts.HEADS),
        library="mmsegmentation",
        has=(
            "backbone.layers.0.attn.attn.in_proj_weight",
            "decode_head.conv_seg.weight",
        ),
        example="setr_pup_vitl16",
    ),
)
