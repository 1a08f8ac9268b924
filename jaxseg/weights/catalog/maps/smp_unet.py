"""Imports `Unet` and `UnetPlusPlus` of segmentation_models.pytorch on ResNet.

The networks of jaxseg are `unet_resnet*` and `unetplusplus_resnet34`.
"""

from jaxseg.weights.catalog.maps.torchvision_resnet import BACKBONE
from jaxseg.weights.translate.rules import Rules, conv, conv_norm, linear, prefixed

PRESENCE = linear(r"classification_head\.3", "aux_presence/score")


def decoder(src: str, dst: str) -> Rules:
    """Returns the rules that import a block of the decoder.

    Args:
      src: The beginning of the tensors' names, a regular expression.
      dst: The beginning of the variables' paths, without `params/`.
    """
    gate = rf"{src}\.attention(\d)\.attention"
    number = dst.count("\\") + 1
    place = rf"{dst}_attention\{number}"
    return (
        *conv_norm(
            rf"{src}\.conv(\d)\.0", rf"{src}\.conv(\d)\.1", rf"{dst}_conv\{number}"
        ),
        *conv(rf"{gate}\.cSE\.1", f"{place}/squeeze"),
        *conv(rf"{gate}\.cSE\.3", f"{place}/excite"),
        *conv(rf"{gate}\.sSE\.0", f"{place}/pixel"),
    )


_ENCODER = prefixed(BACKBONE, src=r"encoder\.", dst="backbone/")
_SCORE = conv(r"segmentation_head\.0", "head/classifier")
HEAD = (
    *decoder(r"decoder\.blocks\.(\d)", r"head/block\1"),
    *_SCORE,
    *PRESENCE,
)
HEAD_PLUS_PLUS = (
    *decoder(r"decoder\.blocks\.x_(\d)_(\d)", r"head/node\1_\2"),
    *_SCORE,
    *PRESENCE,
)
MAP = (*_ENCODER, *HEAD)
MAP_PLUS_PLUS = (*_ENCODER, *HEAD_PLUS_PLUS)
