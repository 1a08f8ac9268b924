"""Imports `Unet` of segmentation_models.pytorch on ResNet as `unet_resnet*`."""

from jaxseg.weights.catalog.maps.torchvision_resnet import BACKBONE
from jaxseg.weights.translate.rules import conv, conv_norm, prefixed

MAP = (
    *prefixed(BACKBONE, src=r"encoder\.", dst="backbone/"),
    *conv_norm(
        r"decoder\.blocks\.(\d)\.conv(\d)\.0",
        r"decoder\.blocks\.(\d)\.conv(\d)\.1",
        r"head/block\1_conv\2",
    ),
    *conv(r"segmentation_head\.0", "head/classifier"),
)
