"""Imports Mask2Former of transformers with a Swin or ResNet backbone.

The tensor names are those in the published files. `save_pretrained` writes them, too.
"""

from jaxseg.weights.catalog.maps.transformers_upernet import SWIN_BACKBONE
from jaxseg.weights.translate.rules import (
    conv,
    conv_norm,
    drop,
    layer_norm,
    linear,
    prefixed,
)

_DECODER, _LAYER = r"model\.transformer_module\.decoder", r"layers\.(\d+)"
_TRUNK = r"model\.pixel_level_module\.encoder\."
RESNET_BACKBONE = (
    *conv_norm(
        r"embedder\.embedder\.convolution",
        r"embedder\.embedder\.normalization",
        "stem/conv1",
    ),
    *(
        rule
        for stage in range(4)
        for source, target in (
            (r"shortcut", "downsample/proj"),
            *((rf"layer\.{number}", f"conv{number + 1}") for number in range(3)),
        )
        for rule in conv_norm(
            rf"encoder\.stages\.{stage}\.layers\.(\d+)\.{source}\.convolution",
            rf"encoder\.stages\.{stage}\.layers\.(\d+)\.{source}\.normalization",
            rf"layer{stage + 1}_\1/{target}",
        )
    ),
)

_PIXELS = (
    *(
        rule
        for number, level in enumerate(("c5", "c4", "c3"))
        for rule in (
            *conv(rf"input_projections\.{number}\.0", f"project_{level}/conv"),
            *layer_norm(rf"input_projections\.{number}\.1", f"project_{level}/norm"),
        )
    ),
    ("level_embed", "params/level_embedding", "identity"),
    *(
        rule
        for theirs, ours in (
            (r"self_attn\.sampling_offsets", "attention/offsets"),
            (r"self_attn\.attention_weights", "attention/weights"),
            (r"self_attn\.value_proj", "attention/value"),
            (r"self_attn\.output_proj", "attention/out"),
            ("fc1", "mlp_1"),
            ("fc2", "mlp_2"),
        )
        for rule in linear(rf"encoder\.{_LAYER}\.{theirs}", rf"layer\1/{ours}")
    ),
    *layer_norm(rf"encoder\.{_LAYER}\.self_attn_layer_norm", r"layer\1/norm_1"),
    *layer_norm(rf"encoder\.{_LAYER}\.final_layer_norm", r"layer\1/norm_2"),
    *conv(r"mask_projection", "mask_features"),
    *conv(r"adapter_1\.0", "lateral/conv"),
    *layer_norm(r"adapter_1\.1", "lateral/norm"),
    *conv(r"layer_1\.0", "smooth/conv"),
    *layer_norm(r"layer_1\.1", "smooth/norm"),
)
_QUERIES = (
    *(
        (
            rf"model\.transformer_module\.{theirs}\.weight",
            f"params/head/{ours}",
            "identity",
        )
        for theirs, ours in (
            ("queries_embedder", "query_positions"),
            ("queries_features", "query_features"),
            ("level_embed", "level_embedding"),
        )
    ),
    *(
        rule
        for theirs, ours in (
            (r"self_attn\.q_proj", "self/query"),
            (r"self_attn\.k_proj", "self/key"),
            (r"self_attn\.v_proj", "self/value"),
            (r"self_attn\.out_proj", "self/out"),
            (r"cross_attn\.out_proj", "cross/out"),
            ("fc1", "mlp_1"),
            ("fc2", "mlp_2"),
        )
        for rule in linear(rf"{_DECODER}\.{_LAYER}\.{theirs}", rf"head/layer\1/{ours}")
    ),
    (
        rf"{_DECODER}\.{_LAYER}\.cross_attn\.in_proj_weight",
        r"params/head/layer\1/cross/qkv/kernel",
        "linear",
    ),
    (
        rf"{_DECODER}\.{_LAYER}\.cross_attn\.in_proj_bias",
        r"params/head/layer\1/cross/qkv/bias",
        "identity",
    ),
    *(
        rule
        for theirs, ours in (
            ("self_attn_layer_norm", "self_norm"),
            ("cross_attn_layer_norm", "cross_norm"),
            ("final_layer_norm", "mlp_norm"),
        )
        for rule in layer_norm(
            rf"{_DECODER}\.{_LAYER}\.{theirs}", rf"head/layer\1/{ours}"
        )
    ),
    *layer_norm(rf"{_DECODER}\.layernorm", "head/predictions/norm"),
    *linear(
        rf"{_DECODER}\.mask_predictor\.mask_embedder\.(\d)\.0",
        r"head/predictions/mask_\1",
    ),
    *linear("class_predictor", "head/predictions/classes"),
    *drop(r"criterion\.empty_weight"),
)
HEAD = (
    *prefixed(
        _PIXELS,
        src=r"model\.pixel_level_module\.decoder\.",
        dst="head/pixel_decoder/",
    ),
    *_QUERIES,
)
SWIN = (
    *prefixed(SWIN_BACKBONE, src=_TRUNK, dst="backbone/"),
    # Version 5 of transformers also writes a final normalization, which is not used.
    *drop(
        rf"{_TRUNK}layernorm\.(weight|bias)",
        rf"{_TRUNK}swin\.layernorm\.(weight|bias)",
    ),
    *HEAD,
)
RESNET = (*prefixed(RESNET_BACKBONE, src=_TRUNK, dst="backbone/"), *HEAD)
