"""Lists the networks of segmentation_models.pytorch on Mix Transformers and ViT."""

from jaxseg.weights.catalog.maps import smp_dpt, smp_segformer
from jaxseg.weights.catalog.smp_options import dpt_options
from jaxseg.weights.catalog.smp_peer import network_row
from jaxseg.weights.catalog.sources import Source, SourceNetwork, backbone_row
from jaxseg.weights.translate.rules import prefixed

# Network of jaxseg, its further options, and the name of the encoder.
_VITS = (
    ("dpt_vitb16", (), "base"),
    ("dpt_vitl16", (), "large"),
    ("dpt_vitb16", (("width", 384), ("heads", 6)), "small"),
    ("dpt_vitb16", (("width", 192), ("heads", 3)), "tiny"),
)
_READOUT = "decoder.projection_blocks.0.project.0.weight"
_LAYER0 = "encoder.model.blocks.0.attn.qkv.weight"
_REASSEMBLE = "decoder.reassemble_blocks.0.project_to_out_channel.weight"
# Keys of encoders with other tokens or layers.
_OTHER_VITS = (
    "encoder.model.dist_token",
    "encoder.model.reg_token",
    "encoder.model.blocks.0.ls1.gamma",
)


def _segformers(size: str) -> tuple[SourceNetwork, ...]:
    """Returns Segformer with 256 channels in the decoder (its default) or with 768."""
    return tuple(
        SourceNetwork(
            f"segformer_{size}",
            (("align_corners", True), ("features", features)),
            "Segformer",
            peer=(
                ("encoder_name", f"mit_{size}"),
                ("decoder_segmentation_channels", features),
            ),
        )
        for features in (256, 768)
    )


def _dpts(readout: str) -> tuple[SourceNetwork, ...]:
    """Returns DPT on ViTs with patches of 16 pixels and a class token."""
    told = readout == "project"
    peer = (("dynamic_img_size", True),)
    return tuple(
        SourceNetwork(
            name,
            (("variant", "smp"), ("readout", readout), *options),
            "DPT",
            peer=(("encoder_name", f"tu-vit_{size}_patch16_224"), *peer),
            unseen=() if told else (("readout", readout),),
            shown=dpt_options,
        )
        for name, options, size in _VITS
    )


NETWORKS: tuple[Source, ...] = (
    network_row(
        "Segformer",
        rules=smp_segformer.MAP,
        has=(
            "encoder.block1.0.attn.sr.weight",
            "decoder.mlp_stage.3.linear.weight",
        ),
        networks=tuple(
            network
            for size in ("b0", "b1", "b2", "b3", "b4", "b5")
            for network in _segformers(size)
        ),
    ),
    network_row(
        "DPT on ViT",
        rules=smp_dpt.MAP,
        has=(_LAYER0, _REASSEMBLE, _READOUT, "encoder.model.cls_token"),
        lacks=_OTHER_VITS,
        networks=_dpts("project"),
    ),
    network_row(
        "DPT on ViT without projection",
        rules=smp_dpt.MAP,
        has=(_LAYER0, _REASSEMBLE, "encoder.model.cls_token"),
        lacks=(_READOUT, *_OTHER_VITS),
        networks=_dpts("ignore"),
    ),
)

BACKBONES: tuple[Source, ...] = (
    backbone_row(
        "Mix Transformer of the authors",
        rules=prefixed(smp_segformer.BACKBONE, dst="backbone/"),
        library="segmentation_models_pytorch",
        has=("patch_embed1.proj.weight", "block1.0.attn.sr.weight", "norm4.weight"),
        example="segformer_b0",
    ),
)
