"""Flax blocks that two or more systems share."""

from jaxseg.nn.context import (
    ASPP,
    ImagePooling,
    PyramidPooling,
    SeparableConv,
    spatial_pyramid_pooling,
)
from jaxseg.nn.jpu import JPU
from jaxseg.nn.layers import (
    Conv,
    ConvNormAct,
    ConvTranspose,
    Dropout,
    SeparableConvNormAct,
)
from jaxseg.nn.norm import Norm
from jaxseg.nn.residual import BasicBlock, Bottleneck
from jaxseg.nn.style import Style

__all__ = [
    "ASPP",
    "JPU",
    "BasicBlock",
    "Bottleneck",
    "Conv",
    "ConvNormAct",
    "ConvTranspose",
    "Dropout",
    "ImagePooling",
    "Norm",
    "PyramidPooling",
    "SeparableConv",
    "SeparableConvNormAct",
    "Style",
    "spatial_pyramid_pooling",
]
