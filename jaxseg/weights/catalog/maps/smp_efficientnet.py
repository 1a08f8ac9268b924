"""Imports networks of segmentation_models.pytorch on EfficientNet encoders.

The encoders `efficientnet-b*` have the tensor names of efficientnet_pytorch, and
`timm-efficientnet-b*` and `timm-tf_efficientnet_lite*` have those of timm. The tables
leave out the last convolution of the encoder, because no decoder uses its output.
"""

from jaxseg.weights.catalog.maps import efficientnet_pytorch, timm_efficientnet
from jaxseg.weights.translate.rules import Rules, drop, prefixed

_NORM = r"(weight|bias|running_mean|running_var|num_batches_tracked)"
TIMM = (
    *prefixed(timm_efficientnet.TRUNK, src=r"encoder\.", dst="backbone/"),
    *drop(r"encoder\.conv_head\.weight", rf"encoder\.bn2\.{_NORM}"),
)


def lukemelas(counts: tuple[int, ...]) -> Rules:
    """Returns the rules that import an encoder named as in efficientnet_pytorch.

    Args:
      counts: The number of blocks of each stage.
    """
    trunk = efficientnet_pytorch.trunk(counts, squeeze=True)
    return (
        *prefixed(trunk, src=r"encoder\.", dst="backbone/"),
        *drop(r"encoder\._conv_head\.weight", rf"encoder\._bn1\.{_NORM}"),
    )
