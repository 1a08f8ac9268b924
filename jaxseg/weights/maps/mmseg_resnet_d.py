"""MMSegmentation's ``ResNetV1d`` trunk: deep stem, pooled shortcuts."""

from jaxseg.weights.maps import torchvision_resnet as tv
from jaxseg.weights.maps.mmseg_resnet import STEM
from jaxseg.weights.rules import prefixed

BACKBONE = prefixed((*STEM, *tv.STAGES, *tv.SHORTCUT_D), src=r"backbone\.")
MAP = prefixed(BACKBONE, dst="backbone/")
