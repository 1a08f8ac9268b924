"""Imports the Non-local network of MMSegmentation as `nonlocal_net`.

The weights fit the network that is created with `use_scale=True`.
"""

from jaxseg.weights.catalog.maps import mmseg_resnet
from jaxseg.weights.catalog.maps.mmseg_hrnet import pixel_head
from jaxseg.weights.translate.rules import Rules, conv, conv_norm, norm

_BLOCK = r"decode_head\.nl_block"


def _module(src: str, dst: str) -> Rules:
    source = rf"decode_head\.{src}"
    return conv_norm(rf"{source}\.conv", rf"{source}\.bn", f"head/{dst}")


MAP = (
    *mmseg_resnet.MAP,
    *_module(r"convs\.0", "conv_in"),
    *_module(r"convs\.1", "conv_out"),
    *_module("conv_cat", "conv_cat"),
    *conv(rf"{_BLOCK}\.g\.conv", "head/non_local/g"),
    *conv(rf"{_BLOCK}\.theta\.conv", "head/non_local/theta"),
    *conv(rf"{_BLOCK}\.phi\.conv", "head/non_local/phi"),
    *conv(rf"{_BLOCK}\.conv_out\.conv", "head/non_local/out"),
    *norm(rf"{_BLOCK}\.conv_out\.bn", "head/non_local/out_norm"),
    *conv(r"decode_head\.conv_seg", "head/classifier/conv"),
    *pixel_head("auxiliary_head", "aux_head"),
)
