"""Imports MMSegmentation's neck and head of Semantic FPN as `SemanticFPNHead`."""

from jaxseg.weights.catalog.maps.mmseg_deeplab import module
from jaxseg.weights.translate.rules import Rules, conv

_LEVELS = ("c2", "c3", "c4", "c5")


def _level(i: int, level: str) -> Rules:
    """Returns the rules of a level.

    An upsampling follows each convolution of c3 to c5, so that their numbers are even.
    """
    return (
        *conv(rf"neck\.lateral_convs\.{i}\.conv", f"head/lateral_{level}"),
        *conv(rf"neck\.fpn_convs\.{i}\.conv", f"head/smooth_{level}"),
        *(
            rule
            for step in range(max(1, i))
            for rule in module(
                rf"decode_head\.scale_heads\.{i}\.{2 * step}",
                f"head/scale_{level}_{step}",
            )
        ),
    )


HEADS = (
    *(rule for i, level in enumerate(_LEVELS) for rule in _level(i, level)),
    *conv(r"decode_head\.conv_seg", "head/classifier/conv"),
)
