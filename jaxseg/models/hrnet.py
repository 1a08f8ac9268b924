"""HRNetV2 for segmentation (arXiv 1904.04514, 1908.07919).

Differs: the authors' batch norms have a momentum of 0.01 (0.99 here).
"""

from jaxseg.backbones.hrnet import HRNet
from jaxseg.heads.high_resolution import HighResolutionHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.nn.block_config import Style

# fields of the published small networks; "W18 small v1" really has width 16
SMALL = {
    "small_v1": {
        "width": 16,
        "first_blocks": 1,
        "first_features": 32,
        "blocks": 2,
        "modules": (1, 1, 1),
    },
    "small_v2": {
        "width": 18,
        "first_blocks": 2,
        "first_features": 64,
        "blocks": 2,
        "modules": (1, 3, 2),
    },
}


def hrnet(
    num_classes: int,
    *,
    width: int = 48,
    align_corners: bool = False,
    head_kernel: int = 1,
    head_bias: bool = True,
    style: Style = Style(),
    **trunk,
) -> EncoderDecoder:
    """HRNetV2 with its concatenation head (arXiv 1904.04514).

    Args:
      num_classes: K.
      width: C of the finest branch: 18, 32 or 48.
      align_corners: of every upsampling; False in the paper's code, True in its
        HRNet-OCR branch. Checkpoints are tied to their branch.
      head_kernel, head_bias: (1, True) the authors', (1, False) MMSegmentation's.
      style: normalization, number format.
      **trunk: further fields of `HRNet`.
    """
    return EncoderDecoder(
        HRNet(width, align_corners=align_corners, style=style, **trunk),
        HighResolutionHead(num_classes, head_kernel, head_bias, align_corners, style),
        align_corners=align_corners,
    )


def hrnet_small(num_classes: int, *, version: str = "small_v1", **options):
    """The authors' small networks, "small_v1" and "small_v2" (arXiv 1904.04514)."""
    if version not in SMALL:
        raise ValueError(f"version {version!r} is unknown; allowed are {sorted(SMALL)}")
    return hrnet(num_classes, **{**SMALL[version], **options})
