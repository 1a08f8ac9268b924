"""Imports the backbone `ResNetV1c` of MMSegmentation.

`BACKBONE` maps tensors whose names start with `backbone.` to a single `ResNet`. `MAP`
maps these tensors to the backbone of a whole network. `CLASSIFIER` maps open-mmlab's
ImageNet weights to the backbone of a whole network.
"""

from jaxseg.weights.catalog.maps import torchvision_resnet as tv
from jaxseg.weights.translate.rules import conv_norm, drop, prefixed

STEM = (
    *conv_norm(r"stem\.0", r"stem\.1", "stem/conv1"),
    *conv_norm(r"stem\.3", r"stem\.4", "stem/conv2"),
    *conv_norm(r"stem\.6", r"stem\.7", "stem/conv3"),
)
_TRUNK = (*STEM, *tv.STAGES, *tv.SHORTCUT)
BACKBONE = prefixed(_TRUNK, src=r"backbone\.")
MAP = prefixed(BACKBONE, dst="backbone/")
CLASSIFIER = (*prefixed(_TRUNK, dst="backbone/"), *drop(r"fc\.(weight|bias)"))
