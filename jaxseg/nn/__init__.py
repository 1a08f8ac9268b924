"""Flax blocks that two or more systems share."""

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
    "BasicBlock",
    "Bottleneck",
    "Conv",
    "ConvNormAct",
    "ConvTranspose",
    "Dropout",
    "Norm",
    "SeparableConvNormAct",
    "Style",
]
