"""Imports the head of UPerNet of MMSegmentation, for any backbone."""

from jaxseg.weights.catalog.maps import mmseg_convnext, mmseg_setr, mmseg_swin
from jaxseg.weights.catalog.maps.mmseg_deeplab import module
from jaxseg.weights.translate.rules import conv

_LEVELS = ("c2", "c3", "c4")
AUX = (
    *module(r"auxiliary_head\.convs\.0", "aux_head/conv"),
    *conv(r"auxiliary_head\.conv_seg", "aux_head/classifier"),
)
HEADS = (
    *(
        rule
        for i, bins in enumerate((1, 2, 3, 6))
        for rule in module(
            rf"decode_head\.psp_modules\.{i}\.1", f"head/pyramid/bin{bins}"
        )
    ),
    *module(r"decode_head\.bottleneck", "head/pyramid_fuse"),
    *(
        rule
        for i, level in enumerate(_LEVELS)
        for rule in (
            *module(rf"decode_head\.lateral_convs\.{i}", f"head/lateral_{level}"),
            *module(rf"decode_head\.fpn_convs\.{i}", f"head/smooth_{level}"),
        )
    ),
    *module(r"decode_head\.fpn_bottleneck", "head/fuse"),
    *conv(r"decode_head\.conv_seg", "head/classifier/conv"),
    *AUX,
)
CONVNEXT = (*mmseg_convnext.TRUNK, *HEADS)
SWIN = (*mmseg_swin.TRUNK, *HEADS)
VIT = (
    *mmseg_setr.TRUNK,
    *(
        rule
        for i, level in enumerate((*_LEVELS, "c5"))
        for rule in (
            *conv(rf"neck\.lateral_convs\.{i}\.conv", f"backbone/neck/lateral_{level}"),
            *conv(rf"neck\.convs\.{i}\.conv", f"backbone/neck/smooth_{level}"),
        )
    ),
    *HEADS,
)
