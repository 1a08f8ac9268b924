"""Provides the Flax blocks that two or more architectures share."""

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.context import (
    ASPP,
    ImagePooling,
    PyramidPooling,
    SeparableConv,
    spatial_pyramid_pooling,
)
from jaxseg.nn.dense import DenseBlock, TransitionDown, TransitionUp
from jaxseg.nn.inverted_residual import InvertedResidual, SqueezeExcite
from jaxseg.nn.jpu import JPU
from jaxseg.nn.layers import (
    Conv,
    ConvNormAct,
    ConvTranspose,
    Dropout,
    SeparableConvNormAct,
)
from jaxseg.nn.learned_rate import (
    ChosenRateConv,
    ContinuousRate,
    ContinuousRateConv,
    LearnedRateConvNormAct,
    RateChoice,
    hardened_rates,
    rate_shares,
    without_rate_parameters,
)
from jaxseg.nn.norm import Norm
from jaxseg.nn.recurrent import GRU, ReNetLayer, Sweep
from jaxseg.nn.residual import BasicBlock, Bottleneck
from jaxseg.nn.upsample import (
    BilinearDeconv,
    MaxUnpool,
    ResizeConv,
    SubPixelConv,
    Upsample,
)

__all__ = [
    "ASPP",
    "GRU",
    "JPU",
    "BasicBlock",
    "BilinearDeconv",
    "BlockConfig",
    "Bottleneck",
    "ChosenRateConv",
    "ContinuousRate",
    "ContinuousRateConv",
    "Conv",
    "ConvNormAct",
    "ConvTranspose",
    "DenseBlock",
    "Dropout",
    "ImagePooling",
    "InvertedResidual",
    "LearnedRateConvNormAct",
    "MaxUnpool",
    "Norm",
    "PyramidPooling",
    "RateChoice",
    "ReNetLayer",
    "ResizeConv",
    "SeparableConv",
    "SeparableConvNormAct",
    "SqueezeExcite",
    "SubPixelConv",
    "Sweep",
    "TransitionDown",
    "TransitionUp",
    "Upsample",
    "hardened_rates",
    "rate_shares",
    "spatial_pyramid_pooling",
    "without_rate_parameters",
]
