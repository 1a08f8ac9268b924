"""Imports the ResNets of timm whose stem has three 3x3 convolutions.

These are `resnet50c` and `resnet50s`. The module `torchvision_resnet` imports ResNets
with a 7x7 stem, and `timm_resnet_d` imports `resnet50d`.
"""

from jaxseg.weights.catalog.maps import torchvision_resnet as tv
from jaxseg.weights.translate.rules import conv_norm, drop, prefixed

STEM = (
    *conv_norm(r"conv1\.0", r"conv1\.1", "stem/conv1"),
    *conv_norm(r"conv1\.3", r"conv1\.4", "stem/conv2"),
    *conv_norm(r"conv1\.6", "bn1", "stem/conv3"),
)
BACKBONE = (*STEM, *tv.STAGES, *tv.SHORTCUT)
MAP = (*prefixed(BACKBONE, dst="backbone/"), *drop(r"fc\.weight", r"fc\.bias"))
