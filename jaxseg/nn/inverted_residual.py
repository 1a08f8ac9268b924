"""The inverted residual block of MobileNet v2, MobileNet v3 and EfficientNet."""

from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.drop_path import DropPath
from jaxseg.nn.layers import Conv, ConvNormAct, activation
from jaxseg.ops.pool import adaptive_avg_pool
from jaxseg.typing import Array, Padding


class InvertedResidual(nn.Module):
    """Applies 1x1, depthwise and 1x1 convolutions (arXiv 1801.04381, section 3.3).

    Attributes:
      expanded: Number of channels of the depthwise convolution. If the input has this
        number of channels, there is no first 1x1 convolution.
      features: Number of output channels.
      kernel: Kernel size of the depthwise convolution.
      stride: Stride of the depthwise convolution.
      rate: Atrous rate of the depthwise convolution.
      padding: Zeros on each side for the depthwise convolution. With None, their number
        is such that the size does not change at stride 1.
      squeeze: Number of hidden channels of the squeeze-and-excitation gates after the
        depthwise convolution; 0 for no gates.
      squeeze_act: The activation of the hidden channels of the gates.
      gate: The last activation of the gates, such as "sigmoid".
      act: The activation after the first two convolutions.
      shortcut: Whether the input is added to the output if both have the same number of
        channels. Set it to False for a block whose stride was replaced by an atrous
        rate.
      drop_rate: The fraction of examples whose residual branch is dropped in training.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    expanded: int
    features: int
    kernel: int = 3
    stride: int = 1
    rate: int = 1
    padding: Padding | None = None
    squeeze: int = 0
    squeeze_act: str = "relu"
    gate: str = "hardsigmoid"
    act: str = "relu6"
    shortcut: bool = True
    drop_rate: float = 0.0
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> tuple[Array, Array]:
        """Returns the output and the output of the depthwise convolution."""
        channels, y = x.shape[-1], x
        if self.expanded != channels:
            block = ConvNormAct(
                self.expanded, 1, act=self.act, style=self.style, name="expand"
            )
            y = block(y, train=train)
        block = ConvNormAct(
            self.expanded,
            self.kernel,
            stride=self.stride,
            rate=self.rate,
            padding=self.padding,
            groups=self.expanded,
            act=self.act,
            style=self.style,
            name="depthwise",
        )
        y = depthwise = block(y, train=train)
        if self.squeeze:
            y = SqueezeExcite(
                self.squeeze,
                act=self.squeeze_act,
                gate=self.gate,
                style=self.style,
                name="squeeze",
            )(y)
        block = ConvNormAct(
            self.features, 1, act="none", style=self.style, name="project"
        )
        y = block(y, train=train)
        if not self.shortcut or self.features != channels:
            return y, depthwise
        if self.drop_rate:
            y = DropPath(self.drop_rate)(y, train=train)
        return x + y, depthwise


class SqueezeExcite(nn.Module):
    """Applies squeeze-and-excitation gates to the channels (arXiv 1709.01507).

    Attributes:
      features: Number of hidden channels.
      act: The activation of the hidden channels.
      gate: The last activation of the gates, such as "sigmoid".
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    features: int
    act: str = "relu"
    gate: str = "hardsigmoid"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, H, W, C] to the same shape."""
        y = Conv(self.features, 1, style=self.style, name="reduce")(
            adaptive_avg_pool(x, 1)
        )
        y = activation(self.act)(y)
        y = Conv(x.shape[-1], 1, style=self.style, name="expand")(y)
        return x * activation(self.gate)(y)
