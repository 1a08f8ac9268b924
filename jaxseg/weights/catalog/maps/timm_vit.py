"""Imports ViT and DeiT of timm as `ViT`, without final norm and classifier."""

from jaxseg.weights.translate.rules import conv, drop, layer_norm, linear

_BLOCK = r"blocks\.(\d+)"
BACKBONE = (
    (r"cls_token", "params/class_token"),
    (r"dist_token", "params/distillation_token"),
    (r"pos_embed", "params/position"),
    *conv(r"patch_embed\.proj", "patch"),
    *layer_norm(rf"{_BLOCK}\.norm1", r"layer\1/norm_1"),
    *layer_norm(rf"{_BLOCK}\.norm2", r"layer\1/norm_2"),
    *linear(rf"{_BLOCK}\.attn\.qkv", r"layer\1/attention/qkv"),
    *linear(rf"{_BLOCK}\.attn\.proj", r"layer\1/attention/out"),
    *linear(rf"{_BLOCK}\.mlp\.fc1", r"layer\1/mlp_1"),
    *linear(rf"{_BLOCK}\.mlp\.fc2", r"layer\1/mlp_2"),
    *drop(r"norm\.(weight|bias)", r"head(_dist)?\.(weight|bias)"),
)
