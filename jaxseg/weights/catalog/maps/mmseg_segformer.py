"""Imports SegFormer of MMSegmentation as `segformer_b*` with variant "mmseg".

MMSegmentation stores the matrices of queries, keys and values as one, and the linear
layers of the MLP as 1x1 convolutions.
"""

from jaxseg.weights.translate.rules import (
    Rules,
    conv,
    conv_norm,
    layer_norm,
    linear,
    prefixed,
)

_STAGE, _BLOCK = r"layers\.(\d+)", r"layers\.(\d+)\.1\.(\d+)"
_OURS = r"stage\1_block\2"


def _linear(src: str, dst: str) -> Rules:
    """Returns the rules that import a 1x1 convolution as a linear layer."""
    return (
        (rf"{src}\.weight", f"params/{dst}/kernel", "conv_as_linear"),
        (rf"{src}\.bias", f"params/{dst}/bias"),
    )


BACKBONE = (
    *conv(rf"{_STAGE}\.0\.projection", r"stage\1_embed"),
    *layer_norm(rf"{_STAGE}\.0\.norm", r"stage\1_embed_norm"),
    *layer_norm(rf"{_STAGE}\.2", r"stage\1_norm"),
    *layer_norm(rf"{_BLOCK}\.norm1", f"{_OURS}/norm_1"),
    *layer_norm(rf"{_BLOCK}\.norm2", f"{_OURS}/norm_2"),
    (
        rf"{_BLOCK}\.attn\.attn\.in_proj_weight",
        f"params/{_OURS}/attention/qkv/kernel",
        "linear",
    ),
    (rf"{_BLOCK}\.attn\.attn\.in_proj_bias", f"params/{_OURS}/attention/qkv/bias"),
    *linear(rf"{_BLOCK}\.attn\.attn\.out_proj", f"{_OURS}/attention/out"),
    *conv(rf"{_BLOCK}\.attn\.sr", f"{_OURS}/attention/reduce"),
    *layer_norm(rf"{_BLOCK}\.attn\.norm", f"{_OURS}/attention/norm"),
    *_linear(rf"{_BLOCK}\.ffn\.layers\.0", f"{_OURS}/mlp_1"),
    *conv(rf"{_BLOCK}\.ffn\.layers\.1", f"{_OURS}/depthwise"),
    *_linear(rf"{_BLOCK}\.ffn\.layers\.4", f"{_OURS}/mlp_2"),
)
_PROJECT = tuple(
    rule
    for index, level in enumerate(("c2", "c3", "c4", "c5"))
    for rule in conv_norm(
        rf"decode_head\.convs\.{index}\.conv",
        rf"decode_head\.convs\.{index}\.bn",
        f"head/project_{level}",
    )
)
TRUNK = prefixed(BACKBONE, src=r"backbone\.", dst="backbone/")
MAP = (
    *TRUNK,
    *_PROJECT,
    *conv_norm(
        r"decode_head\.fusion_conv\.conv", r"decode_head\.fusion_conv\.bn", "head/fuse"
    ),
    *conv(r"decode_head\.conv_seg", "head/classifier/conv"),
)
