"""Imports the backbone `ResNet` of MMSegmentation with the 7x7 stem ("R-50b")."""

from jaxseg.weights.catalog.maps import torchvision_resnet as tv
from jaxseg.weights.translate.rules import prefixed

BACKBONE = prefixed(tv.BACKBONE, src=r"backbone\.")
MAP = prefixed(BACKBONE, dst="backbone/")
