"""Imports DenseNet-121 to -201 of torchvision and timm.

The published torchvision files contain names such as `norm.1`, while torchvision's
modules now have `norm1`. Both names are read, and `norm1` is written.
"""

from jaxseg.weights.translate.rules import conv, conv_norm, drop, norm, prefixed

_LAYER = r"features\.denseblock(\d)\.denselayer(\d+)\."
_TRANSITION = r"features\.transition(\d)\."
BACKBONE = (
    *conv_norm(r"features\.conv0", r"features\.norm0", "stem"),
    *conv(_LAYER + r"conv(\d)", r"block\1_\2/conv\3"),
    *norm(_LAYER + r"norm(\d)", r"block\1_\2/norm\3"),
    *conv(_LAYER + r"conv\.(\d)", r"block\1_\2/conv\3"),
    *norm(_LAYER + r"norm\.(\d)", r"block\1_\2/norm\3"),
    *norm(_TRANSITION + "norm", r"transition\1/norm"),
    *conv(_TRANSITION + "conv", r"transition\1/conv"),
    *norm(r"features\.norm5", "norm"),
)
MAP = (*prefixed(BACKBONE, dst="backbone/"), *drop(r"classifier\.(weight|bias)"))
