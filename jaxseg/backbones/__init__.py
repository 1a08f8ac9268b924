"""Backbones map an image to a pyramid of feature maps."""

from jaxseg.backbones.hrnet import HRNet
from jaxseg.backbones.mobilenet import MobileNetV2, MobileNetV3
from jaxseg.backbones.resnet import ResNet
from jaxseg.backbones.vgg import VGG
from jaxseg.backbones.vit import ViT
from jaxseg.backbones.wide_resnet38 import WideResNet38
from jaxseg.backbones.xception import Xception

__all__ = [
    "VGG",
    "HRNet",
    "MobileNetV2",
    "MobileNetV3",
    "ResNet",
    "ViT",
    "WideResNet38",
    "Xception",
]
