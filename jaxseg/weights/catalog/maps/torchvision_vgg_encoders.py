"""Imports VGG-16 classifiers of torchvision as encoders of FCN, SegNet and DeconvNet.

`FCN` maps `vgg16`, whose first two dense layers become convolutions. `SEGNET` and
`DECONVNET` map `vgg16_bn`. The classifier lacks the score layers and the decoder, so
callers must allow them to be missing, as in `convert(..., allow_missing=("score*",))`.
"""

from jaxseg.weights.catalog.maps.torchvision_vgg import VGG16
from jaxseg.weights.translate.rules import Rules, conv, drop, linear_as_conv, norm

_REPEATS = (2, 2, 3, 3, 3)  # Convolutions per stage of VGG16.


def encoder(template: str) -> Rules:
    """Returns the rules that import the convolutions of torchvision's `vgg16_bn`.

    Args:
      template: A format string for the paths of the variables, with fields for the
        number of the block and that of the convolution.
    """
    rules: Rules = ()
    index = 0
    for block, count in enumerate(_REPEATS, start=1):
        for i in range(1, count + 1):
            target = template.format(block, i)
            rules += conv(rf"features\.{index}", f"{target}/conv")
            rules += norm(rf"features\.{index + 1}", f"{target}/norm")
            index += 3
        index += 1
    return rules


def dense(prefix: str) -> Rules:
    """Returns the rules that import VGG-16's first two dense layers as convolutions.

    They become a 7x7 and a 1x1 convolution.

    Args:
      prefix: The beginning of the variables' paths.
    """
    return (
        *linear_as_conv(r"classifier\.0", f"{prefix}fc6/conv", (7, 7)),
        *linear_as_conv(r"classifier\.3", f"{prefix}fc7/conv"),
        *drop(r"classifier\.6\.(weight|bias)"),
    )


FCN = (*dense(""), *VGG16)
SEGNET = (*encoder("enc{}_{}"), *drop(r"classifier\.(0|3|6)\.(weight|bias)"))
DECONVNET = (*encoder("conv{}_{}"), *dense("bottleneck/"))
