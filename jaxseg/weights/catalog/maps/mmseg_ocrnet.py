"""Imports OCRNet of MMSegmentation on HRNet as `ocrnet_hrnet`.

MMSegmentation's convolutions have no biases. It resizes maps with half-pixel centers,
and it resizes the maps of the backbone in two steps. Therefore create the network of
jaxseg with `bias=False, align_corners=False, two_step=True`.
"""

from jaxseg.weights.catalog.maps.mmseg_hrnet import BACKBONE, pixel_head
from jaxseg.weights.translate.rules import Rules, conv, conv_norm, prefixed

_HEAD = r"decode_head\.1"
_BLOCK = rf"{_HEAD}\.object_context_block"


def _module(src: str, dst: str) -> Rules:
    return conv_norm(rf"{src}\.conv", rf"{src}\.bn", f"head/{dst}")


HEADS = (
    *pixel_head(r"decode_head\.0", "region_head"),
    *_module(rf"{_HEAD}\.bottleneck", "pixel"),
    *_module(rf"{_BLOCK}\.query_project\.0", "context/pixel_1"),
    *_module(rf"{_BLOCK}\.query_project\.1", "context/pixel_2"),
    *_module(rf"{_BLOCK}\.key_project\.0", "context/object_1"),
    *_module(rf"{_BLOCK}\.key_project\.1", "context/object_2"),
    *_module(rf"{_BLOCK}\.value_project", "context/object_value"),
    *_module(rf"{_BLOCK}\.out_project", "context/context"),
    *_module(rf"{_BLOCK}\.bottleneck", "context/fuse"),
    *conv(rf"{_HEAD}\.conv_seg", "head/classifier/conv"),
)
MAP = (*prefixed(BACKBONE, dst="backbone/"), *HEADS)
