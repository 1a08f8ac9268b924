"""Backbones map an image to a pyramid: feature maps at several strides."""

from jaxseg.backbones.hrnet import HRNet
from jaxseg.backbones.mobilenet import MobileNetV2, MobileNetV3
from jaxseg.backbones.resnet import ResNet, create_resnet
from jaxseg.backbones.resnet_variant import ResNetVariant
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
    "ResNetVariant",
    "ViT",
    "WideResNet38",
    "Xception",
    "create_resnet",
]
