"""Imports Swin of timm as `Swin`, without final norm and classifier.

`BACKBONE` reads the files of new versions of timm. There, as in jaxseg, patch merging
is the first layer of a stage. `AUTHORS` reads the files of the authors and of old
versions of timm. There, patch merging is the last layer of the previous stage.
"""

from jaxseg.weights.translate.rules import Rules, conv, drop, layer_norm, linear

_STAGE, _BLOCK = r"layers\.(\d+)", r"layers\.(\d+)\.blocks\.(\d+)"
_OURS = r"stage\1_block\2"
_BLOCKS = (
    *conv(r"patch_embed\.proj", "stage0_embed"),
    *layer_norm(r"patch_embed\.norm", "stage0_embed_norm"),
    *layer_norm(rf"{_BLOCK}\.norm1", f"{_OURS}/norm_1"),
    *layer_norm(rf"{_BLOCK}\.norm2", f"{_OURS}/norm_2"),
    (
        rf"{_BLOCK}\.attn\.relative_position_bias_table",
        f"params/{_OURS}/attention/position_bias",
        "identity",
    ),
    *linear(rf"{_BLOCK}\.attn\.qkv", f"{_OURS}/attention/qkv"),
    *linear(rf"{_BLOCK}\.attn\.proj", f"{_OURS}/attention/out"),
    *linear(rf"{_BLOCK}\.mlp\.fc1", f"{_OURS}/mlp_1"),
    *linear(rf"{_BLOCK}\.mlp\.fc2", f"{_OURS}/mlp_2"),
    *drop(
        rf"{_BLOCK}\.(attn\.relative_position_index|attn_mask)",
        r"norm\.(weight|bias)",
        r"head\.(weight|bias|fc\.weight|fc\.bias)",
    ),
)


def _merging(src: str, dst: str) -> Rules:
    """Returns the rules of the layers between two stages."""
    return (
        *layer_norm(rf"{src}\.downsample\.norm", f"{dst}_embed_norm"),
        *linear(rf"{src}\.downsample\.reduction", f"{dst}_embed"),
    )


BACKBONE = (*_BLOCKS, *_merging(_STAGE, r"stage\1"))
AUTHORS = (
    *_BLOCKS,
    *(
        rule
        for stage in (1, 2, 3)
        for rule in _merging(rf"layers\.{stage - 1}", f"stage{stage}")
    ),
)
