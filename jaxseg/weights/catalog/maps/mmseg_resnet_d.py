"""Imports the backbone `ResNetV1d` of MMSegmentation (deep stem, pooled shortcuts)."""

from jaxseg.weights.catalog.maps import torchvision_resnet as tv
from jaxseg.weights.catalog.maps.mmseg_resnet import STEM
from jaxseg.weights.translate.rules import drop, prefixed

_TRUNK = (*STEM, *tv.STAGES, *tv.SHORTCUT_D)
BACKBONE = prefixed(_TRUNK, src=r"backbone\.")
MAP = prefixed(BACKBONE, dst="backbone/")
CLASSIFIER = (*prefixed(_TRUNK, dst="backbone/"), *drop(r"fc\.(weight|bias)"))
