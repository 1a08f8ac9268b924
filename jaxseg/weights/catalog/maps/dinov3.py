"""Imports DINOv3 of timm as `jaxseg.backbones.dinov3`.

`TIMM` is for the networks with an MLP and `TIMM_GATED` for those with SwiGLU.
"""

from jaxseg.weights.catalog.maps import timm_vit
from jaxseg.weights.translate.rules import layer_norm, linear

_BLOCK, _MLP = r"blocks\.(\d+)", r"blocks\.(\d+)\.mlp"
_OWN = (
    (r"reg_token", "params/register_tokens"),
    (rf"{_BLOCK}\.gamma_1", r"params/layer\1/layer_scale_1"),
    (rf"{_BLOCK}\.gamma_2", r"params/layer\1/layer_scale_2"),
    *layer_norm("norm", "norm"),
)
TIMM = (*_OWN, *timm_vit.BACKBONE)
TIMM_GATED = (
    *linear(rf"{_MLP}\.fc1_g", r"layer\1/mlp_gate"),
    *linear(rf"{_MLP}\.fc1_x", r"layer\1/mlp_1"),
    *TIMM,
)
