"""MMSegmentation's HRNet with its concatenating FCN head -> `hrnet`.

The network there has no bias before the head's norm: build ours with
`head_bias=False, two_step=True`.
"""

from jaxseg.weights.catalog.maps import timm_hrnet
from jaxseg.weights.translate.rules import Rules, conv, conv_norm, prefixed

BACKBONE = prefixed(timm_hrnet.BACKBONE, src=r"backbone\.")


def pixel_head(src: str, dst: str) -> Rules:
    """An `FCNHead` of one convolution -> `PixelHead`."""
    return (
        *conv_norm(rf"{src}\.convs\.0\.conv", rf"{src}\.convs\.0\.bn", f"{dst}/conv"),
        *conv(rf"{src}\.conv_seg", f"{dst}/classifier/conv"),
    )


TRUNK = prefixed(BACKBONE, dst="backbone/")
MAP = (
    *TRUNK,
    *pixel_head("decode_head", "head/pixel"),
)
