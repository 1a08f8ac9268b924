"""Image -> pyramid."""

from jaxseg.backbones.resnet import ResNet
from jaxseg.backbones.vgg import VGG

__all__ = ["VGG", "ResNet"]
