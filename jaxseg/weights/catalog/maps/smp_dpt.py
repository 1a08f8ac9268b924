"""Imports DPT of segmentation_models.pytorch on a ViT of timm as `dpt_vitb16`.

Create the network of jaxseg with the variant "smp". segmentation_models.pytorch numbers
the fusion blocks from c5 to c2.
"""

from jaxseg.weights.catalog.maps.timm_vit import BACKBONE
from jaxseg.weights.translate.rules import (
    Rules,
    conv,
    conv_norm,
    conv_transpose,
    linear,
    norm,
    prefixed,
)


def _level(index: int) -> Rules:
    """Returns the rules of a level, which are numbered from c2 (0) to c5 (3)."""
    level, part = f"c{index + 2}", rf"decoder\.reassemble_blocks\.{index}"
    block, ours = rf"decoder\.fusion_blocks\.{3 - index}", f"head/fuse_{level}"
    resize = conv if index == 3 else conv_transpose
    unit = rf"{block}\.residual_conv_block(\d)"
    return (
        *linear(
            rf"decoder\.projection_blocks\.{index}\.project\.0",
            f"head/readout_{level}",
        ),
        *conv(rf"{part}\.project_to_out_channel", f"head/project_{level}"),
        *resize(rf"{part}\.upsample", f"head/resize_{level}"),
        *conv(rf"{part}\.project_to_feature_dim", f"head/reduce_{level}"),
        *conv(rf"{unit}\.conv_(\d)", rf"{ours}/unit\1/conv\2"),
        *norm(rf"{unit}\.batch_norm_(\d)", rf"{ours}/unit\1/norm\2"),
        *conv(rf"{block}\.project", f"{ours}/project"),
    )


MAP = (
    *prefixed(BACKBONE, src=r"encoder\.model\.", dst="backbone/"),
    *_level(0),
    *_level(1),
    *_level(2),
    *_level(3),
    *conv_norm(
        r"segmentation_head\.head\.0", r"segmentation_head\.head\.1", "head/head/conv"
    ),
    *conv(r"segmentation_head\.head\.4", "head/head/classifier/conv"),
)
