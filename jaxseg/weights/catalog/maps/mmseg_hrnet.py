"""Imports the HRNet of MMSegmentation with its concatenating FCN head as `hrnet`.

The head of MMSegmentation has no bias before its normalization, and the backbone
resizes maps in two steps. Therefore create the network of jaxseg with
`head_bias=False, two_step=True`.
"""

from jaxseg.weights.catalog.maps import timm_hrnet
from jaxseg.weights.translate.rules import Rules, conv, conv_norm, prefixed

BACKBONE = prefixed(timm_hrnet.BACKBONE, src=r"backbone\.")


def pixel_head(src: str, dst: str) -> Rules:
    """Returns the rules that import an `FCNHead` of one convolution as `PixelHead`."""
    return (
        *conv_norm(rf"{src}\.convs\.0\.conv", rf"{src}\.convs\.0\.bn", f"{dst}/conv"),
        *conv(rf"{src}\.conv_seg", f"{dst}/classifier/conv"),
    )


TRUNK = prefixed(BACKBONE, dst="backbone/")
MAP = (
    *TRUNK,
    *pixel_head("decode_head", "head/pixel"),
)
