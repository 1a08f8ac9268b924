"""Imports DINOv2 of its authors and of timm as `jaxseg.backbones.dinov2`.

Both use the tensor names of timm's ViT, and `ls1.gamma` and `ls2.gamma` for LayerScale.
The authors name the register tokens `register_tokens`, and timm names them `reg_token`.
In timm's networks with registers, the position embedding of the class token is already
added to the class token. For these networks, create the network of jaxseg with
`class_position=False`.
"""

from jaxseg.weights.catalog.maps import timm_vit
from jaxseg.weights.translate.rules import drop, layer_norm

_SCALES = (
    (r"blocks\.(\d+)\.ls1\.gamma", r"params/layer\1/layer_scale_1"),
    (r"blocks\.(\d+)\.ls2\.gamma", r"params/layer\1/layer_scale_2"),
    *layer_norm(r"norm", "norm"),
    *drop(r"mask_token"),
)
AUTHORS = (
    *_SCALES,
    (r"register_tokens", "params/register_tokens"),
    *timm_vit.BACKBONE,
)
TIMM = (*_SCALES, (r"reg_token", "params/register_tokens"), *timm_vit.BACKBONE)
