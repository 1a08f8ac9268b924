"""Imports SETR of MMSegmentation as `setr_naive`, `setr_pup` and `setr_mla`.

Create the networks of jaxseg with `variant="mmseg"`. `UPSAMPLING` is the import table
of `setr_naive` and `setr_pup`, and `MLA` is that of `setr_mla`.
"""

from jaxseg.weights.translate.rules import Rules, conv, conv_norm, layer_norm, linear

_LAYER = r"backbone\.layers\.(\d+)"
TRUNK = (
    (r"backbone\.cls_token", "params/backbone/class_token"),
    (r"backbone\.pos_embed", "params/backbone/position"),
    *conv(r"backbone\.patch_embed\.projection", "backbone/patch"),
    *layer_norm(rf"{_LAYER}\.ln1", r"backbone/layer\1/norm_1"),
    *layer_norm(rf"{_LAYER}\.ln2", r"backbone/layer\1/norm_2"),
    (
        rf"{_LAYER}\.attn\.attn\.in_proj_weight",
        r"params/backbone/layer\1/attention/qkv/kernel",
        "linear",
    ),
    (
        rf"{_LAYER}\.attn\.attn\.in_proj_bias",
        r"params/backbone/layer\1/attention/qkv/bias",
    ),
    *linear(rf"{_LAYER}\.attn\.attn\.out_proj", r"backbone/layer\1/attention/out"),
    *linear(rf"{_LAYER}\.ffn\.layers\.0\.0", r"backbone/layer\1/mlp_1"),
    *linear(rf"{_LAYER}\.ffn\.layers\.1", r"backbone/layer\1/mlp_2"),
)


def _upsampling(src: str, dst: str, up: str) -> Rules:
    """Returns the rules of a `SETRUPHead`, where `up` numbers its convolution."""
    source = rf"{src}\.up_convs\.(\d)\.0"
    return (
        *layer_norm(rf"{src}\.norm", f"{dst}/norm"),
        *conv_norm(rf"{source}\.conv", rf"{source}\.bn", rf"{dst}/conv{up}"),
        *conv(rf"{src}\.conv_seg", f"{dst}/classifier/conv"),
    )


def _neck(index: int) -> Rules:
    """Returns the rules of a tap. MMSegmentation orders taps from shallow to deep."""
    ours, source = 3 - index, rf"neck\.mla\.channel_proj\.{index}"
    return (
        *layer_norm(rf"neck\.norm\.{index}", f"neck/norm{ours}"),
        *conv_norm(rf"{source}\.conv", rf"{source}\.bn", f"neck/project{ours}"),
    )


_EXTRACT = r"neck\.mla\.feat_extract\.(\d)"
_STREAM = r"decode_head\.up_convs\.(\d)\.(\d)"
UPSAMPLING = (
    *TRUNK,
    *_upsampling("decode_head", "head", r"\1"),
    *_upsampling(r"auxiliary_head\.(\d)", r"aux_heads_\1", r"\2"),
)
MLA = (
    *TRUNK,
    *_neck(0),
    *_neck(1),
    *_neck(2),
    *_neck(3),
    *conv_norm(rf"{_EXTRACT}\.conv", rf"{_EXTRACT}\.bn", r"neck/extract\1"),
    *conv_norm(rf"{_STREAM}\.conv", rf"{_STREAM}\.bn", r"head/stream\1_\2"),
    *conv(r"decode_head\.conv_seg", "head/classifier/conv"),
    *conv(r"auxiliary_head\.(\d)\.conv_seg", r"aux_heads_\1/classifier/conv"),
)
