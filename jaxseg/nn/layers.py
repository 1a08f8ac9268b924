"""Convolutions with parameters and the blocks made of them.

Layout NHWC, kernels HWIO, symmetric explicit padding as in PyTorch and Caffe.
Parameters are float32; the arithmetic runs in `style.dtype`.
"""

import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxseg.nn.block_config import Style
from jaxseg.nn.norm import Norm
from jaxseg.ops.conv import conv, same_padding
from jaxseg.ops.kernels import bilinear_kernel
from jaxseg.ops.transposed import conv_transpose
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

_INITIALizERS = {
    "he": nn.initializers.variance_scaling(2.0, "fan_in", "normal"),
    "he_uniform": nn.initializers.he_uniform(),
    "glorot": nn.initializers.glorot_uniform(),
    "zeros": nn.initializers.zeros,
    "normal0.01": nn.initializers.normal(0.01),
    "normal0.02": nn.initializers.normal(0.02),
}


def activation(name: str):
    """The elementwise function of that name, such as "relu" or "hardswish"."""
    if name not in _ACTIVATIONS:
        raise ValueError(f"act {name!r} is unknown; allowed are {sorted(_ACTIVATIONS)}")
    return _ACTIVATIONS[name]


def initializer(name: str):
    """The kernel initializer of that name, such as "he" or "zeros"."""
    if name not in _INITIALizERS:
        raise ValueError(
            f"init {name!r} is unknown; allowed are {sorted(_INITIALizERS)}"
        )
    return _INITIALizERS[name]


class Conv(nn.Module):
    """Convolution with atrous rate [B, H, W, C] -> [B, H', W', features].

    `padding=None` keeps the size at stride 1: rate * (kernel - 1) / 2 per side.
    """

    features: int
    kernel: int | tuple[int, int] = 3
    stride: int | tuple[int, int] = 1
    rate: int | tuple[int, int] = 1
    padding: Padding | None = None
    groups: int = 1
    bias: bool = True
    kernel_init: str = "he"
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        kernel_size, rate, padding = pair(self.kernel), pair(self.rate), self.padding
        if padding is None:
            padding = tuple(map(same_padding, kernel_size, rate))
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
    """FCN's filler: the bilinear kernel on the channel diagonal, zero elsewhere."""
    del key
    taps = jnp.asarray(bilinear_kernel(shape[0]), dtype)
    return taps[:, :, None, None] * jnp.eye(shape[2], shape[3], dtype=dtype)[None, None]


class ConvTranspose(nn.Module):
    """Transposed convolution, PyTorch's sizes: (n - 1) * stride + kernel - 2 * padding.

    `kernel_init="bilinear"` starts as bilinear upsampling (square kernels).
    """

    features: int
    kernel: int | tuple[int, int]
    stride: int | tuple[int, int]
    padding: int | tuple[int, int] = 0
    output_padding: int | tuple[int, int] = 0
    bias: bool = True
    kernel_init: str = "he"
    style: Style = Style()

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
    """Convolution (by default without bias), normalization, activation."""

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
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        x = Conv(
            self.features,
            self.kernel,
            self.stride,
            self.rate,
            self.padding,
            self.groups,
            self.bias,
            self.kernel_init,
            self.style,
            name="conv",
        )(x)
        x = Norm(self.style, self.epsilon, name="norm")(x, train=train)
        return activation(self.act)(x)


class SeparableConvNormAct(nn.Module):
    """Depthwise then pointwise convolution, each with its normalization.

    `mid_act` puts the activation behind the depthwise half too (DeepLab v3+'s heads);
    without it only the pointwise half is activated.
    """

    features: int
    kernel: int = 3
    stride: int = 1
    rate: int = 1
    padding: Padding | None = None
    mid_act: bool = True
    act: str = "relu"
    epsilon: float | None = None
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        act, channels = activation(self.act), x.shape[-1]
        x = Conv(
            channels,
            self.kernel,
            self.stride,
            self.rate,
            self.padding,
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
    """Zero a share `rate` of the values and scale the rest by 1 / (1 - rate).

    Active in training, and in evaluation when the caller passes an rng named "dropout"
    (Monte-Carlo dropout, arXiv 1506.02142). With `channels` whole channels of an image
    [B, H, W, C] are dropped, as PyTorch's Dropout2d does.
    """

    rate: float
    channels: bool = False

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        active = train or self.has_rng("dropout")
        whole = (1, 2) if self.channels else ()
        return nn.Dropout(self.rate, whole, deterministic=not active)(x)


def logits_float32(x: Array) -> Array:
    """Logits leave the network in float32 whatever the compute type."""
    return lax.convert_element_type(x, jnp.float32)
