"""Imports Segformer of segmentation_models.pytorch as `segformer_b*`.

`BACKBONE` imports only the Mix Transformer. It also reads the files of the authors
(arXiv 2105.15203), whose tensors have the same names.
"""

from jaxseg.weights.translate.rules import (
    Rules,
    conv,
    conv_norm,
    drop,
    layer_norm,
    linear,
    prefixed,
)


def _stage(number: int) -> Rules:
    """Returns the rules of a stage, which PyTorch numbers from 1 and jaxseg from 0."""
    block, ours = rf"block{number}\.(\d+)", rf"stage{number - 1}_block\1"
    stage = f"stage{number - 1}"
    return (
        *conv(rf"patch_embed{number}\.proj", f"{stage}_embed"),
        *layer_norm(rf"patch_embed{number}\.norm", f"{stage}_embed_norm"),
        *layer_norm(rf"norm{number}", f"{stage}_norm"),
        *layer_norm(rf"{block}\.norm1", f"{ours}/norm_1"),
        *layer_norm(rf"{block}\.norm2", f"{ours}/norm_2"),
        *linear(rf"{block}\.attn\.q", f"{ours}/attention/query"),
        *linear(rf"{block}\.attn\.kv", f"{ours}/attention/key_value"),
        *linear(rf"{block}\.attn\.proj", f"{ours}/attention/out"),
        *conv(rf"{block}\.attn\.sr", f"{ours}/attention/reduce"),
        *layer_norm(rf"{block}\.attn\.norm", f"{ours}/attention/norm"),
        *linear(rf"{block}\.mlp\.fc1", f"{ours}/mlp_1"),
        *conv(rf"{block}\.mlp\.dwconv\.dwconv", f"{ours}/depthwise"),
        *linear(rf"{block}\.mlp\.fc2", f"{ours}/mlp_2"),
    )


BACKBONE = (
    *(rule for number in (1, 2, 3, 4) for rule in _stage(number)),
    *drop(r"head\.(weight|bias)"),
)
_PROJECT = tuple(
    rule
    for index, level in enumerate(("c5", "c4", "c3", "c2"))
    for rule in linear(rf"decoder\.mlp_stage\.{index}\.linear", f"head/project_{level}")
)
MAP = (
    *prefixed(BACKBONE, src=r"encoder\.", dst="backbone/"),
    *_PROJECT,
    *conv_norm(r"decoder\.fuse_stage\.0", r"decoder\.fuse_stage\.1", "head/fuse"),
    *conv(r"segmentation_head\.0", "head/classifier/conv"),
)
