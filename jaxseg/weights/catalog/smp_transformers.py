"""Lists the networks of segmentation_models.pytorch on Mix Transformers, ConvNeXt
and ViT."""

from collections.abc import Callable
from functools import partial
from typing import Any

from jaxseg.weights.catalog.maps import (
    smp_dpt,
    smp_segformer,
    smp_unet,
    timm_convnext,
)
from jaxseg.weights.catalog.smp_options import (
    NEAREST,
    PRESENCE_UNSEEN,
    dpt_options,
    unet_options,
    width_option,
)
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


_ENCODER = prefixed(smp_segformer.BACKBONE, src=r"encoder\.", dst="backbone/")
# The number of blocks of the third stage of each Mix Transformer.
_MITS = {"b0": 2, "b1": 2, "b2": 6, "b3": 18, "b4": 27, "b5": 40}
_SEGFORMER = partial(width_option, "decoder.fuse_stage.0.weight")


def _mits(
    network: Callable[[str], dict[str, Any]], factory: str
) -> tuple[SourceNetwork, ...]:
    """Returns the networks of a class on all Mix Transformers.

    Args:
      network: Gives the attributes of the network for a size such as "b0".
      factory: The name of the class in segmentation_models.pytorch.
    """
    block = "encoder.block3.{}.norm1.weight"
    return tuple(
        SourceNetwork(
            factory=factory,
            peer=(("encoder_name", f"mit_{size}"),),
            has=(block.format(count - 1),),
            lacks=(block.format(count),),
            **network(size),
        )
        for size, count in _MITS.items()
    )


def _segformer(size: str) -> dict[str, Any]:
    options = (("align_corners", True), ("features", 256))
    return {"name": f"segformer_{size}", "options": options, "shown": _SEGFORMER}


def _unet(size: str) -> dict[str, Any]:
    fields = {"shown": unet_options, "unseen_with": PRESENCE_UNSEEN}
    return {"name": "unet", "backbone": f"mit_{size}", **fields}


def _unet_on_convnext(size: str, name: str) -> SourceNetwork:
    """Returns Unet on a ConvNeXt of timm."""
    block, count = "encoder.model.stages_2.blocks.{}.gamma", 9 if size == "t" else 27
    return SourceNetwork(
        "unet",
        (("backbone_options", {"output_norms": False}),),
        "Unet",
        peer=(("encoder_name", f"tu-convnext_{name}"),),
        unseen_with=PRESENCE_UNSEEN,
        shown=unet_options,
        backbone=f"convnext_{size}",
        has=(block.format(count - 1),),
        lacks=(block.format(count),),
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
        networks=_mits(_segformer, "Segformer"),
    ),
    network_row(
        "Unet on Mix Transformer",
        rules=(*_ENCODER, *smp_unet.HEAD),
        has=(
            "encoder.block1.0.attn.sr.weight",
            "decoder.blocks.2.conv2.0.weight",
            "segmentation_head.0.weight",
        ),
        networks=_mits(_unet, "Unet"),
        assumed=NEAREST,
    ),
    network_row(
        "Unet on ConvNeXt of timm",
        rules=(
            *prefixed(
                timm_convnext.trunk("_"), src=r"encoder\.model\.", dst="backbone/"
            ),
            *smp_unet.HEAD,
        ),
        has=(
            "encoder.model.stages_3.blocks.0.gamma",
            "decoder.blocks.2.conv2.0.weight",
            "segmentation_head.0.weight",
        ),
        networks=tuple(
            _unet_on_convnext(name[0], name)
            for name in ("tiny", "small", "base", "large")
        ),
        assumed=NEAREST,
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
