"""Imports SegFormer of transformers as `segformer_b*`, and its MiT as `MixTransformer`.

The tensor names are those in the files on the Hugging Face hub. Version 5 of
transformers renames the tensors when it reads a file, and writes them with these names.

Differs: in transformers, all normalizations have an epsilon of 1e-5. In the authors'
code and in jaxseg, the epsilon is 1e-6 in the blocks and after the stages.
"""

from jaxseg.weights.catalog.maps.transformers_parts import joined
from jaxseg.weights.translate.rules import (
    conv,
    conv_norm,
    drop,
    layer_norm,
    linear,
    prefixed,
)

_BLOCK, _OURS = r"block\.(\d+)\.(\d+)", r"stage\1_block\2"
_ATTENTION = rf"{_BLOCK}\.attention\.self"
_TRUNK = (
    *conv(r"patch_embeddings\.(\d+)\.proj", r"stage\1_embed"),
    *layer_norm(r"patch_embeddings\.(\d+)\.layer_norm", r"stage\1_embed_norm"),
    *layer_norm(r"layer_norm\.(\d+)", r"stage\1_norm"),
    *layer_norm(rf"{_BLOCK}\.layer_norm_1", f"{_OURS}/norm_1"),
    *layer_norm(rf"{_BLOCK}\.layer_norm_2", f"{_OURS}/norm_2"),
    *linear(rf"{_ATTENTION}\.query", f"{_OURS}/attention/query"),
    *joined(_ATTENTION, f"{_OURS}/attention/key_value", ("key", "value")),
    *conv(rf"{_ATTENTION}\.sr", f"{_OURS}/attention/reduce"),
    *layer_norm(rf"{_ATTENTION}\.layer_norm", f"{_OURS}/attention/norm"),
    *linear(rf"{_BLOCK}\.attention\.output\.dense", f"{_OURS}/attention/out"),
    *linear(rf"{_BLOCK}\.mlp\.dense1", f"{_OURS}/mlp_1"),
    *conv(rf"{_BLOCK}\.mlp\.dwconv\.dwconv", f"{_OURS}/depthwise"),
    *linear(rf"{_BLOCK}\.mlp\.dense2", f"{_OURS}/mlp_2"),
)
BACKBONE = (
    *prefixed(_TRUNK, src=r"segformer\.encoder\."),
    *drop(r"classifier\.(weight|bias)"),
)
_HEAD = r"decode_head\."
MAP = (
    *prefixed(BACKBONE, dst="backbone/"),
    *(
        rule
        for index, level in enumerate(("c2", "c3", "c4", "c5"))
        for rule in linear(rf"{_HEAD}linear_c\.{index}\.proj", f"head/project_{level}")
    ),
    *conv_norm(rf"{_HEAD}linear_fuse", rf"{_HEAD}batch_norm", "head/fuse"),
    *conv(rf"{_HEAD}classifier", "head/classifier/conv"),
)
