"""Imports `PSPNet` of segmentation_models.pytorch on ResNet.

The network of jaxseg is `pspnet_resnet50` with `stem="7x7", output_stride=32,
aux=False, fuse_kernel=1, score_kernel=3, norm_single=False, input_first=False`.
"""

from jaxseg.weights.catalog.maps.smp_deeplab import ENCODER
from jaxseg.weights.catalog.maps.smp_unet import PRESENCE
from jaxseg.weights.translate.rules import conv, conv_norm

_BINS = (1, 2, 3, 6)  # The grids of the pyramid pooling in arXiv 1612.01105.
_BLOCK = r"decoder\.psp\.blocks\."
MAP = (
    *ENCODER,
    *conv(_BLOCK + r"0\.pool\.1\.0", "head/pyramid/bin1"),
    *(
        rule
        for i, bins in enumerate(_BINS)
        for rule in conv_norm(
            rf"{_BLOCK}{i}\.pool\.1\.0",
            rf"{_BLOCK}{i}\.pool\.1\.1",
            f"head/pyramid/bin{bins}",
        )
    ),
    *conv_norm(r"decoder\.conv\.0", r"decoder\.conv\.1", "head/fuse"),
    *conv(r"segmentation_head\.0", "head/score"),
    *PRESENCE,
)
