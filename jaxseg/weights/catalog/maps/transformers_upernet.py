"""Imports UPerNet of transformers on Swin and ConvNeXt as `upernet_*`.

The rules read the names that the tensors have in the files of the Hugging Face hub.
The parameters of the Python class can have other names. Patch merging is the first
layer of a stage in jaxseg, and the last layer of the previous stage in transformers.
"""

from jaxseg.weights.catalog.maps.transformers_parts import joined, module
from jaxseg.weights.translate.rules import (
    conv,
    drop,
    layer_norm,
    linear,
    prefixed,
)

_HEADS = (
    *(
        rule
        for i, bins in enumerate((1, 2, 3, 6))
        for rule in module(
            rf"decode_head\.psp_modules\.{i}\.1", f"head/pyramid/bin{bins}"
        )
    ),
    *module(r"decode_head\.bottleneck", "head/pyramid_fuse"),
    *(
        rule
        for i, level in enumerate(("c2", "c3", "c4"))
        for rule in (
            *module(rf"decode_head\.lateral_convs\.{i}", f"head/lateral_{level}"),
            *module(rf"decode_head\.fpn_convs\.{i}", f"head/smooth_{level}"),
        )
    ),
    *module(r"decode_head\.fpn_bottleneck", "head/fuse"),
    *conv(r"decode_head\.classifier", "head/classifier/conv"),
    *module(r"auxiliary_head\.convs\.0", "aux_head/conv"),
    *conv(r"auxiliary_head\.classifier", "aux_head/classifier"),
)
_NORMS = tuple(
    rule
    for stage in range(4)
    for rule in layer_norm(
        rf"hidden_states_norms\.stage{stage + 1}", f"stage{stage}_norm"
    )
)

_BLOCK, _OURS = r"encoder\.layers\.(\d+)\.blocks\.(\d+)", r"stage\1_block\2"
_ATTENTION = rf"{_BLOCK}\.attention\.self"
SWIN_BACKBONE = (
    *_NORMS,
    *conv(r"embeddings\.patch_embeddings\.projection", "stage0_embed"),
    *layer_norm(r"embeddings\.norm", "stage0_embed_norm"),
    *(
        rule
        for stage in (1, 2, 3)
        for place in (rf"encoder\.layers\.{stage - 1}\.downsample",)
        for rule in (
            *layer_norm(rf"{place}\.norm", f"stage{stage}_embed_norm"),
            *linear(rf"{place}\.reduction", f"stage{stage}_embed"),
        )
    ),
    *layer_norm(rf"{_BLOCK}\.layernorm_before", f"{_OURS}/norm_1"),
    *layer_norm(rf"{_BLOCK}\.layernorm_after", f"{_OURS}/norm_2"),
    *joined(_ATTENTION, f"{_OURS}/attention/qkv"),
    (
        rf"{_ATTENTION}\.relative_position_bias_table",
        f"params/{_OURS}/attention/position_bias",
        "identity",
    ),
    *drop(rf"{_ATTENTION}\.relative_position_index"),
    *linear(rf"{_BLOCK}\.attention\.output\.dense", f"{_OURS}/attention/out"),
    *linear(rf"{_BLOCK}\.intermediate\.dense", f"{_OURS}/mlp_1"),
    *linear(rf"{_BLOCK}\.output\.dense", f"{_OURS}/mlp_2"),
)

_STAGE, _LAYER = r"encoder\.stages\.(\d+)", r"encoder\.stages\.(\d+)\.layers\.(\d+)"
_CONVNEXT = (
    *_NORMS,
    *conv(r"embeddings\.patch_embeddings", "stage0_embed"),
    *layer_norm(r"embeddings\.layernorm", "stage0_embed_norm"),
    *layer_norm(rf"{_STAGE}\.downsampling_layer\.0", r"stage\1_embed_norm"),
    *conv(rf"{_STAGE}\.downsampling_layer\.1", r"stage\1_embed"),
    (rf"{_LAYER}\.layer_scale_parameter", f"params/{_OURS}/scale"),
    *conv(rf"{_LAYER}\.dwconv", f"{_OURS}/depthwise"),
    *layer_norm(rf"{_LAYER}\.layernorm", f"{_OURS}/norm"),
    *linear(rf"{_LAYER}\.pwconv1", f"{_OURS}/mlp_1"),
    *linear(rf"{_LAYER}\.pwconv2", f"{_OURS}/mlp_2"),
)
SWIN = (
    *prefixed(SWIN_BACKBONE, src=r"backbone\.", dst="backbone/"),
    *_HEADS,
    # Version 5 of transformers also writes a final normalization, which is not used.
    *drop(r"backbone\.swin\.layernorm\.(weight|bias)"),
)
CONVNEXT = (*prefixed(_CONVNEXT, src=r"backbone\.", dst="backbone/"), *_HEADS)
