"""Imports DPT of transformers as `dpt_vit*`, without its auxiliary head.

The tensor names are those in the files on the Hugging Face hub. In transformers, the
fusion blocks are numbered from c5 to c2. The first of them has a residual unit that is
never used.
"""

from jaxseg.weights.catalog.maps.transformers_parts import joined
from jaxseg.weights.translate.rules import (
    Rules,
    conv,
    conv_norm,
    conv_transpose,
    drop,
    layer_norm,
    linear,
    norm,
    prefixed,
)

_LAYER, _OURS = r"encoder\.layer\.(\d+)", r"layer\1"
_TRUNK = (
    (r"embeddings\.cls_token", "params/class_token"),
    (r"embeddings\.position_embeddings", "params/position"),
    *conv(r"embeddings\.patch_embeddings\.projection", "patch"),
    *layer_norm(rf"{_LAYER}\.layernorm_before", f"{_OURS}/norm_1"),
    *layer_norm(rf"{_LAYER}\.layernorm_after", f"{_OURS}/norm_2"),
    *joined(rf"{_LAYER}\.attention\.attention", f"{_OURS}/attention/qkv"),
    *linear(rf"{_LAYER}\.attention\.output\.dense", f"{_OURS}/attention/out"),
    *linear(rf"{_LAYER}\.intermediate\.dense", f"{_OURS}/mlp_1"),
    *linear(rf"{_LAYER}\.output\.dense", f"{_OURS}/mlp_2"),
    *drop(r"layernorm\.(weight|bias)"),
)
_PARTS, _FUSIONS = r"neck\.reassemble_stage\.", r"neck\.fusion_stage\.layers\."


def _level(index: int) -> Rules:
    """Returns the rules of a level, where index 0 is c2."""
    level = f"c{index + 2}"
    block, ours = rf"{_FUSIONS}{3 - index}", f"head/fuse_{level}"
    units = tuple(
        rule
        for unit in ((1, 2) if index < 3 else (2,))
        for k in (1, 2)
        for place in (rf"{block}\.residual_layer{unit}\.",)
        for rule in (
            *conv(rf"{place}convolution{k}", f"{ours}/unit{unit}/conv{k}"),
            *norm(rf"{place}batch_norm{k}", f"{ours}/unit{unit}/norm{k}"),
        )
    )
    resize = conv if index == 3 else conv_transpose
    return (
        *linear(rf"{_PARTS}readout_projects\.{index}\.0", f"head/readout_{level}"),
        *conv(rf"{_PARTS}layers\.{index}\.projection", f"head/project_{level}"),
        *resize(rf"{_PARTS}layers\.{index}\.resize", f"head/resize_{level}"),
        *conv(rf"neck\.convs\.{index}", f"head/reduce_{level}"),
        *units,
        *conv(rf"{block}\.projection", f"{ours}/project"),
    )


MAP = (
    *prefixed(_TRUNK, src=r"dpt\.", dst="backbone/"),
    *(rule for index in range(4) for rule in _level(index)),
    *conv_norm(r"head\.head\.0", r"head\.head\.1", "head/head/conv"),
    *conv(r"head\.head\.4", "head/head/classifier/conv"),
    *drop(rf"{_FUSIONS}0\.residual_layer1\..*", r"auxiliary_head\..*"),
)
