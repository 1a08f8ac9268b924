"""Imports Swin of MMSegmentation as `Swin`.

Patch merging concatenates the channels of 2x2 pixels. In MMSegmentation, the four
values of one channel are adjacent. In jaxseg, all channels of one pixel are adjacent,
so the rules reorder the weights. Patch merging is the last layer of a stage in
MMSegmentation and the first layer of the next stage in jaxseg.
"""

from jaxseg.weights.translate.rules import (
    Rules,
    conv,
    drop,
    layer_norm,
    linear,
    prefixed,
)

_BLOCK, _OURS = r"stages\.(\d+)\.blocks\.(\d+)", r"stage\1_block\2"
_ATTENTION = rf"{_BLOCK}\.attn\.w_msa"


def _merging(stage: int) -> Rules:
    """Returns the rules of the merging of pixels before a stage."""
    src, dst = rf"stages\.{stage - 1}\.downsample", f"params/stage{stage}_embed"
    return (
        (rf"{src}\.norm\.weight", f"{dst}_norm/scale", "merging"),
        (rf"{src}\.norm\.bias", f"{dst}_norm/bias", "merging"),
        (rf"{src}\.reduction\.weight", f"{dst}/kernel", "merging"),
    )


BACKBONE = (
    *conv(r"patch_embed\.projection", "stage0_embed"),
    *layer_norm(r"patch_embed\.norm", "stage0_embed_norm"),
    *(rule for stage in (1, 2, 3) for rule in _merging(stage)),
    *layer_norm(r"norm(\d)", r"stage\1_norm"),
    *layer_norm(rf"{_BLOCK}\.norm1", f"{_OURS}/norm_1"),
    *layer_norm(rf"{_BLOCK}\.norm2", f"{_OURS}/norm_2"),
    (
        rf"{_ATTENTION}\.relative_position_bias_table",
        f"params/{_OURS}/attention/position_bias",
        "identity",
    ),
    *linear(rf"{_ATTENTION}\.qkv", f"{_OURS}/attention/qkv"),
    *linear(rf"{_ATTENTION}\.proj", f"{_OURS}/attention/out"),
    *drop(rf"{_ATTENTION}\.relative_position_index"),
    *linear(rf"{_BLOCK}\.ffn\.layers\.0\.0", f"{_OURS}/mlp_1"),
    *linear(rf"{_BLOCK}\.ffn\.layers\.1", f"{_OURS}/mlp_2"),
)
TRUNK = prefixed(BACKBONE, src=r"backbone\.", dst="backbone/")
