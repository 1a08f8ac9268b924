"""Imports DINOv2 of transformers as `jaxseg.backbones.dinov2`.

The tensor names are those in the files on the Hugging Face hub. As in the authors'
files, the class token has a position embedding, also in the networks with registers.
"""

from jaxseg.weights.catalog.maps.transformers_parts import joined
from jaxseg.weights.translate.rules import conv, drop, layer_norm, linear

_LAYER, _OURS = r"encoder\.layer\.(\d+)", r"layer\1"
BACKBONE = (
    (r"embeddings\.cls_token", "params/class_token"),
    (r"embeddings\.position_embeddings", "params/position"),
    (r"embeddings\.register_tokens", "params/register_tokens"),
    *drop(r"embeddings\.mask_token"),
    *conv(r"embeddings\.patch_embeddings\.projection", "patch"),
    *layer_norm(rf"{_LAYER}\.norm1", f"{_OURS}/norm_1"),
    *layer_norm(rf"{_LAYER}\.norm2", f"{_OURS}/norm_2"),
    *joined(rf"{_LAYER}\.attention\.attention", f"{_OURS}/attention/qkv"),
    *linear(rf"{_LAYER}\.attention\.output\.dense", f"{_OURS}/attention/out"),
    (rf"{_LAYER}\.layer_scale1\.lambda1", f"params/{_OURS}/layer_scale_1"),
    (rf"{_LAYER}\.layer_scale2\.lambda1", f"params/{_OURS}/layer_scale_2"),
    *linear(rf"{_LAYER}\.mlp\.fc1", f"{_OURS}/mlp_1"),
    *linear(rf"{_LAYER}\.mlp\.fc2", f"{_OURS}/mlp_2"),
    *layer_norm("layernorm", "norm"),
)
