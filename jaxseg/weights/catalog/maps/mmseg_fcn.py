"""Imports the FCN of MMSegmentation on ResNet-v1c as `fcn_resnet`.

Create the network of jaxseg with `convs=2, join=True, stem="c"`.
"""

from jaxseg.weights.catalog.maps import mmseg_resnet
from jaxseg.weights.translate.rules import Rules, conv, conv_norm


def _module(src: str, dst: str) -> Rules:
    return conv_norm(rf"{src}\.conv", rf"{src}\.bn", dst)


MAP = (
    *mmseg_resnet.MAP,
    *_module(r"decode_head\.convs\.0", "head/conv"),
    *_module(r"decode_head\.convs\.1", "head/conv2"),
    *_module(r"decode_head\.conv_cat", "head/join"),
    *conv(r"decode_head\.conv_seg", "head/classifier"),
    *_module(r"auxiliary_head\.convs\.0", "aux_head/conv"),
    *conv(r"auxiliary_head\.conv_seg", "aux_head/classifier"),
)
