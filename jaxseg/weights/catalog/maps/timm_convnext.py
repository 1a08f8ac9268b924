"""Imports ConvNeXt of timm as `ConvNeXt`, without final norm and classifier."""

from jaxseg.weights.translate.rules import conv, drop, layer_norm, linear

_STAGE, _BLOCK = r"stages\.(\d+)", r"stages\.(\d+)\.blocks\.(\d+)"
_OURS = r"stage\1_block\2"
BACKBONE = (
    *conv(r"stem\.0", "stage0_embed"),
    *layer_norm(r"stem\.1", "stage0_embed_norm"),
    *layer_norm(rf"{_STAGE}\.downsample\.0", r"stage\1_embed_norm"),
    *conv(rf"{_STAGE}\.downsample\.1", r"stage\1_embed"),
    (rf"{_BLOCK}\.gamma", f"params/{_OURS}/scale"),
    *conv(rf"{_BLOCK}\.conv_dw", f"{_OURS}/depthwise"),
    *layer_norm(rf"{_BLOCK}\.norm", f"{_OURS}/norm"),
    *linear(rf"{_BLOCK}\.mlp\.fc1", f"{_OURS}/mlp_1"),
    *linear(rf"{_BLOCK}\.mlp\.fc2", f"{_OURS}/mlp_2"),
    *drop(r"(norm_pre|head\.norm|head\.pre_logits\.fc|head\.fc)\.(weight|bias)"),
)
