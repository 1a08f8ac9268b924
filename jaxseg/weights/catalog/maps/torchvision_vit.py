"""Imports ViT of torchvision as `ViT`, without final norm and classifier."""

from jaxseg.weights.translate.rules import conv, drop, layer_norm, linear

_LAYER = r"encoder\.layers\.encoder_layer_(\d+)"
_QKV = r"params/layer\1/attention/qkv"
BACKBONE = (
    (r"class_token", "params/class_token"),
    (r"encoder\.pos_embedding", "params/position"),
    *conv(r"conv_proj", "patch"),
    *layer_norm(rf"{_LAYER}\.ln_1", r"layer\1/norm_1"),
    *layer_norm(rf"{_LAYER}\.ln_2", r"layer\1/norm_2"),
    (rf"{_LAYER}\.self_attention\.in_proj_weight", f"{_QKV}/kernel", "linear"),
    (rf"{_LAYER}\.self_attention\.in_proj_bias", f"{_QKV}/bias"),
    *linear(rf"{_LAYER}\.self_attention\.out_proj", r"layer\1/attention/out"),
    *linear(rf"{_LAYER}\.mlp\.0", r"layer\1/mlp_1"),
    *linear(rf"{_LAYER}\.mlp\.3", r"layer\1/mlp_2"),
    *drop(r"encoder\.ln\.(weight|bias)", r"heads\.head\.(weight|bias)"),
)
