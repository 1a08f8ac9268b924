"""Convolution layers and blocks that combine them with normalization and activation.

Maps are NHWC and kernels HWIO. Padding is explicit and symmetric, as in PyTorch and
Caffe. Parameters are float32; the arithmetic runs in `style.dtype`.
"""

import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.norm import Norm
from jaxseg.ops.conv import conv, same_padding
from jaxseg.ops.kernels import bilinear_kernel
from jaxseg.ops.transposed import conv_transpose
from jaxseg.text import one_of
from jaxseg.typing import Array, Padding, pair

_ACTIVATIONS = {
    "none": lambda x: x,
    "relu": nn.relu,
    "relu6": nn.relu6,
    "leaky_relu": lambda x: nn.leaky_relu(x, 0.2),
    "elu": nn.elu,
    "gelu": lambda x: nn.gelu(x, approximate=False),
    "silu": nn.silu,
    "hardswish": nn.hard_swish,
    "hardsigmoid": nn.hard_sigmoid,
    "sigmoid": nn.sigmoid,
    "tanh": jnp.tanh,
}

_INITIALIZERS = {
    "he": nn.initializers.variance_scaling(2.0, "fan_in", "normal"),
    "he_uniform": nn.initializers.he_uniform(),
    "glorot": nn.initializers.glorot_uniform(),
    "zeros": nn.initializers.zeros,
    "normal0.01": nn.initializers.normal(0.01),
    "normal0.02": nn.initializers.normal(0.02),
}


def activation(name: str):
    """Returns the activation function with a given name, such as "relu" or "hardswish".

    Raises:
      ValueError: If the name is unknown.
    """
    if name not in _ACTIVATIONS:
        raise ValueError(f"act={name!r} is invalid{one_of(name, sorted(_ACTIVATIONS))}")
    return _ACTIVATIONS[name]


def initializer(name: str):
    """Returns the kernel initializer with a given name, such as "he" or "zeros".

    Raises:
      ValueError: If the name is unknown.
    """
    if name not in _INITIALIZERS:
        raise ValueError(
            f"kernel_init={name!r} is invalid{one_of(name, sorted(_INITIALIZERS))}"
        )
    return _INITIALIZERS[name]


class Conv(nn.Module):
    """Applies an atrous convolution: [B, H, W, C] -> [B, H', W', features].

    Attributes:
      features: Number of output channels.
      kernel: Kernel size.
      stride: The distance between neighboring windows, in pixels.
      rate: The atrous rate.
      padding: Zeros on each side, see `jaxseg.ops.conv.conv`. None pads by
        rate * (kernel - 1) / 2 on each side, which keeps the size at stride 1.
      groups: Number of channel groups.
      bias: Whether there is a bias.
      kernel_init: The name of the initializer of the kernel, such as "he".
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    features: int
    kernel: int | tuple[int, int] = 3
    stride: int | tuple[int, int] = 1
    rate: int | tuple[int, int] = 1
    padding: Padding | None = None
    groups: int = 1
    bias: bool = True
    kernel_init: str = "he"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        kernel_size, rate, padding = pair(self.kernel), pair(self.rate), self.padding
        if padding is None:
            rows, columns = map(same_padding, kernel_size, rate)
            padding = (rows, columns)
        shape = (*kernel_size, x.shape[-1] // self.groups, self.features)
        kernel = self.param("kernel", initializer(self.kernel_init), shape)
        y = conv(
            x.astype(self.style.dtype),
            kernel.astype(self.style.dtype),
            stride=self.stride,
            rate=rate,
            padding=padding,
            groups=self.groups,
            impl=self.style.impl,
        )
        if self.bias:
            bias = self.param("bias", nn.initializers.zeros, (self.features,))
            y = y + bias.astype(y.dtype).reshape(1, 1, 1, -1)
        return y


def _bilinear_init(key, shape, dtype=jnp.float32):
    """Puts the bilinear kernel on the channel diagonal, as FCN does; the rest is 0."""
    del key
    taps = jnp.asarray(bilinear_kernel(shape[0]), dtype)
    return taps[:, :, None, None] * jnp.eye(shape[2], shape[3], dtype=dtype)[None, None]


class ConvTranspose(nn.Module):
    """Applies a transposed convolution with the output sizes of PyTorch.

    n pixels become (n - 1) * stride + kernel - 2 * padding + output_padding.

    Attributes:
      features: Number of output channels.
      kernel: Kernel size.
      stride: Upsampling factor.
      padding: Pixels cut from each side of the full result.
      output_padding: Pixels added at the bottom and the right.
      bias: Whether there is a bias.
      kernel_init: The name of the initializer of the kernel, such as "he". "bilinear"
        starts as bilinear upsampling and needs a square kernel.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    features: int
    kernel: int | tuple[int, int]
    stride: int | tuple[int, int]
    padding: int | tuple[int, int] = 0
    output_padding: int | tuple[int, int] = 0
    bias: bool = True
    kernel_init: str = "he"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        init = (
            _bilinear_init
            if self.kernel_init == "bilinear"
            else initializer(self.kernel_init)
        )
        shape = (*pair(self.kernel), x.shape[-1], self.features)
        kernel = self.param("kernel", init, shape)
        y = conv_transpose(
            x.astype(self.style.dtype),
            kernel.astype(self.style.dtype),
            stride=self.stride,
            padding=self.padding,
            output_padding=self.output_padding,
            impl=self.style.impl,
        )
        if self.bias:
            bias = self.param("bias", nn.initializers.zeros, (self.features,))
            y = y + bias.astype(y.dtype).reshape(1, 1, 1, -1)
        return y


class ConvNormAct(nn.Module):
    """Applies a convolution (without bias by default), normalization and activation.

    `epsilon`, unless None, replaces `style.epsilon`. `act` is the name of the
    activation, such as "relu". The other attributes are the same as those of `Conv`.
    """

    features: int
    kernel: int | tuple[int, int] = 3
    stride: int | tuple[int, int] = 1
    rate: int | tuple[int, int] = 1
    padding: Padding | None = None
    groups: int = 1
    bias: bool = False
    act: str = "relu"
    kernel_init: str = "he"
    epsilon: float | None = None
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        x = Conv(
            self.features,
            kernel=self.kernel,
            stride=self.stride,
            rate=self.rate,
            padding=self.padding,
            groups=self.groups,
            bias=self.bias,
            kernel_init=self.kernel_init,
            style=self.style,
            name="conv",
        )(x)
        x = Norm(self.style, self.epsilon, name="norm")(x, train=train)
        return activation(self.act)(x)


class SeparableConvNormAct(nn.Module):
    """Applies a depthwise and a pointwise convolution, each with a normalization.

    With `mid_act`, an activation also follows the depthwise convolution, as in the
    heads of DeepLab v3+. Otherwise only the pointwise convolution has one. The other
    attributes are the same as those of `ConvNormAct`.
    """

    features: int
    kernel: int = 3
    stride: int = 1
    rate: int = 1
    padding: Padding | None = None
    mid_act: bool = True
    act: str = "relu"
    epsilon: float | None = None
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        act, channels = activation(self.act), x.shape[-1]
        x = Conv(
            channels,
            kernel=self.kernel,
            stride=self.stride,
            rate=self.rate,
            padding=self.padding,
            groups=channels,
            bias=False,
            style=self.style,
            name="depthwise",
        )(x)
        x = Norm(self.style, self.epsilon, name="depthwise_norm")(x, train=train)
        x = act(x) if self.mid_act else x
        x = Conv(self.features, 1, bias=False, style=self.style, name="pointwise")(x)
        x = Norm(self.style, self.epsilon, name="pointwise_norm")(x, train=train)
        return act(x)


class Dropout(nn.Module):
    """Sets a fraction `rate` of the values to 0 and scales the rest by 1 / (1 - rate).

    Dropout is active in training. In evaluation, it is active if the caller passes an
    rng named "dropout" (Monte Carlo dropout, arXiv 1506.02142). `channels` drops whole
    channels of a map [B, H, W, C], like PyTorch's Dropout2d.
    """

    rate: float
    channels: bool = False

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        active = train or self.has_rng("dropout")
        whole = (1, 2) if self.channels else ()
        return nn.Dropout(self.rate, whole, deterministic=not active)(x)


def logits_float32(x: Array) -> Array:
    """Converts logits to float32, whatever the compute dtype is."""
    return lax.convert_element_type(x, jnp.float32)
