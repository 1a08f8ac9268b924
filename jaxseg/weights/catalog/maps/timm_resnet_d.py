"""Imports `resnet18d` to `resnet152d` of timm (deep stem, pooled shortcuts)."""

from jaxseg.weights.catalog.maps import torchvision_resnet as tv
from jaxseg.weights.catalog.maps.timm_resnet import STEM
from jaxseg.weights.translate.rules import drop, prefixed

BACKBONE = (*STEM, *tv.STAGES, *tv.SHORTCUT_D)
MAP = (*prefixed(BACKBONE, dst="backbone/"), *drop(r"fc\.weight", r"fc\.bias"))
