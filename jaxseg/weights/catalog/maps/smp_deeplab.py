"""Imports `DeepLabV3` and `DeepLabV3Plus` of segmentation_models.pytorch on ResNet.

The networks of jaxseg are `deeplabv3_resnet50(output_stride=8)` and
`deeplabv3plus_resnet50` with `separable="plain", after_aspp=True, fuse=1`. Create both
with `rates=(12, 24, 36), align_corners=True, eager_rate=True`. `eager_rate` is needed
because segmentation_models.pytorch also applies the new atrous rate to the 3x3
convolution whose stride was removed. For weights that were trained with the option
`decoder_aspp_separable=False`, set `separable_aspp="none"`.
"""

from jaxseg.weights.catalog.maps.smp_unet import PRESENCE
from jaxseg.weights.catalog.maps.torchvision_deeplabv3 import aspp
from jaxseg.weights.catalog.maps.torchvision_mobilenet_v2 import BACKBONE as MOBILENET
from jaxseg.weights.catalog.maps.torchvision_resnet import BACKBONE as RESNET
from jaxseg.weights.translate.rules import Rules, conv, conv_norm, prefixed

ENCODER = prefixed(RESNET, src=r"encoder\.", dst="backbone/")
ENCODER_MOBILENET = prefixed(MOBILENET, src=r"encoder\.", dst="backbone/")
_SCORE = conv(r"segmentation_head\.0", "head/score")


def separable(src: str, src_norm: str, dst: str) -> Rules:
    """Returns the rules that import a separable convolution as `SeparableConv`.

    The convolution has one batch norm, after its pointwise convolution.
    """
    return (
        *conv(rf"{src}\.0", f"{dst}/depthwise"),
        *conv_norm(rf"{src}\.1", src_norm, f"{dst}/pointwise"),
    )


HEAD_V3 = (
    *aspp(r"decoder\.aspp", "head/aspp"),
    *conv_norm(r"decoder\.conv", r"decoder\.bn", "head/refine"),
    *_SCORE,
)
_ASPP = r"decoder\.aspp\.0"
HEAD_V3PLUS_DENSE = (
    *aspp(_ASPP, "head/aspp"),
    *separable(r"decoder\.aspp\.1", r"decoder\.aspp\.2", "head/after_aspp"),
    *conv_norm(r"decoder\.block1\.0", r"decoder\.block1\.1", "head/low"),
    *separable(r"decoder\.block2\.0", r"decoder\.block2\.1", "head/fuse0"),
    *_SCORE,
    *PRESENCE,
)
HEAD_V3PLUS = (
    *separable(
        rf"{_ASPP}\.convs\.([123])\.0",
        rf"{_ASPP}\.convs\.([123])\.1",
        r"head/aspp/branch\1",
    ),
    *HEAD_V3PLUS_DENSE,
)
MAP_V3 = (*ENCODER, *HEAD_V3)
MAP_V3PLUS_DENSE = (*ENCODER, *HEAD_V3PLUS_DENSE)
MAP_V3PLUS = (*ENCODER, *HEAD_V3PLUS)
MAP_V3PLUS_MOBILENET = (*ENCODER_MOBILENET, *HEAD_V3PLUS)
