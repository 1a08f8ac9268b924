"""Residual blocks of ResNet (arXiv 1512.03385), with a stride or an atrous rate.

Where an atrous rate replaces the stride of a stage, the layer that had the stride keeps
its old rate, and every later layer has the new one. The network then computes the same
features as the network with strides, at more positions.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import ConvNormAct
from jaxseg.ops.pool import avg_pool
from jaxseg.ops.residual import residual_add
from jaxseg.typing import Array


class Shortcut(nn.Module):
    """Projects the input of a residual block: 1x1 convolution and normalization.

    Attributes:
      features: Number of output channels.
      stride: Stride of the block.
      rate: If `stride` is 1, the distance between the 2x2 pixels that are averaged
        before the convolution.
      pooled: Whether the block halves the size of the map in the network without atrous
        rates. Only then are pixels averaged.
      kind: "conv" applies only the 1x1 convolution. "avg" averages 2x2 pixels first if
        `pooled` is True (ResNet-D, arXiv 1812.01187). Differs: "avg_zero" follows
        timm's networks, in which pixels outside the map count as zeros if an atrous
        rate has replaced the stride.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    features: int
    stride: int = 1
    rate: int = 1
    pooled: bool = False
    kind: str = "conv"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        stride = self.stride
        if self.kind != "conv" and self.pooled:
            if stride > 1:
                x = avg_pool(x, window=2, stride=2, ceil=True, count_include_pad=False)
            else:
                x = _atrous_mean(x, self.rate, zero=self.kind == "avg_zero")
            stride = 1
        return ConvNormAct(
            self.features, 1, stride, act="none", style=self.style, name="proj"
        )(x, train=train)


def _atrous_mean(x, rate, *, zero=False):
    """Averages the pixels at distances 0 and `rate` along both axes.

    Pixels outside the map are left out or, with `zero`, count as zeros.
    """
    for axis in (1, 2):
        size = x.shape[axis]
        far = jnp.take(x, jnp.minimum(jnp.arange(size) + rate, size - 1), axis=axis)
        inside = (jnp.arange(size) + rate < size).astype(x.dtype)
        inside = inside.reshape([-1 if a == axis else 1 for a in range(x.ndim)])
        x = (x + far * inside) / (2 if zero else 1 + inside)
    return x


class BasicBlock(nn.Module):
    """Adds the output of two 3x3 convolutions to the input (ResNet-18 and -34).

    Attributes:
      features: Number of output channels.
      stride: Stride of the first convolution.
      first_rate: Atrous rate of the first convolution.
      rate: Atrous rate of the second convolution.
      pooled: Whether the block halves the size of the map in the network without atrous
        rates, see `Shortcut`.
      shortcut: The projection of the input: "conv", "avg" or "avg_zero", see
        `Shortcut`.
      shortcut_rate: The distance between the pixels that the projection averages before
        its convolution, see `Shortcut`.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    features: int
    stride: int = 1
    first_rate: int = 1
    rate: int = 1
    pooled: bool = False
    shortcut: str = "conv"
    shortcut_rate: int = 1
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        y = ConvNormAct(
            self.features,
            kernel=3,
            stride=self.stride,
            rate=self.first_rate,
            style=self.style,
            name="conv1",
        )(x, train=train)
        y = ConvNormAct(
            self.features,
            kernel=3,
            stride=1,
            rate=self.rate,
            act="none",
            style=self.style,
            name="conv2",
        )(y, train=train)
        if self.stride > 1 or self.pooled or x.shape[-1] != self.features:
            x = Shortcut(
                self.features,
                stride=self.stride,
                rate=self.shortcut_rate,
                pooled=self.pooled,
                kind=self.shortcut,
                style=self.style,
                name="downsample",
            )(x, train=train)
        return residual_add(x, y, relu=True)


class Bottleneck(nn.Module):
    """Adds the output of 1x1, 3x3 and 1x1 convolutions to the input (from ResNet-50).

    Attributes:
      features: Number of channels of the first two convolutions.
      stride: Stride of the block.
      rate: Atrous rate of the 3x3 convolution.
      pooled: Whether the block halves the size of the map in the network without atrous
        rates, see `Shortcut`.
      shortcut: The projection of the input: "conv", "avg" or "avg_zero", see
        `Shortcut`.
      stride_in: The convolution that has the stride: "conv2" (PyTorch's v1.5) or
        "conv1" (Caffe's original).
      subsample: Whether the shortcut takes every `stride`-th pixel of the input, and
        does not project it. The input must have as many channels as the output. TF-slim
        does this, because it puts the stride in the last unit of a stage.
      expansion: The last convolution has `expansion * features` channels.
      shortcut_rate: The distance between the pixels that the projection averages before
        its convolution, see `Shortcut`.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    features: int
    stride: int = 1
    rate: int = 1
    pooled: bool = False
    shortcut: str = "conv"
    stride_in: str = "conv2"
    subsample: bool = False
    expansion: int = 4
    shortcut_rate: int = 1
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        width = self.features * self.expansion
        first, second = (
            (self.stride, 1) if self.stride_in == "conv1" else (1, self.stride)
        )
        y = ConvNormAct(self.features, 1, first, style=self.style, name="conv1")(
            x, train=train
        )
        y = ConvNormAct(
            self.features,
            kernel=3,
            stride=second,
            rate=self.rate,
            style=self.style,
            name="conv2",
        )(y, train=train)
        y = ConvNormAct(width, 1, act="none", style=self.style, name="conv3")(
            y, train=train
        )
        if self.subsample:
            x = x[:, :: self.stride, :: self.stride]
        elif self.stride > 1 or self.pooled or x.shape[-1] != width:
            x = Shortcut(
                width,
                stride=self.stride,
                rate=self.shortcut_rate,
                pooled=self.pooled,
                kind=self.shortcut,
                style=self.style,
                name="downsample",
            )(x, train=train)
        return residual_add(x, y, relu=True)
