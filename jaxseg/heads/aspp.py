"""Heads with atrous spatial pyramid pooling: DeepLab v2, v3 and v3+.

References:
  v2: arXiv 1606.00915; v3: arXiv 1706.05587; v3+: arXiv 1802.02611.
"""

import functools
import operator
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.context import ASPP, SeparableConv
from jaxseg.nn.layers import Conv, ConvNormAct, Dropout
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Pyramid


def aspp_rates(rates: tuple[int, ...] | None, output_stride: int) -> tuple[int, ...]:
    """Returns the given atrous rates, or the default rates if they are None.

    The default is (6, 12, 18) at output stride 16. For other output strides, the rates
    are scaled so that they cover equal distances in image pixels.

    >>> aspp_rates(None, 8)
    (12, 24, 36)
    """
    if rates is not None:
        return rates
    return tuple(rate * 16 // output_stride for rate in (6, 12, 18))


class ASPPHead(nn.Module):
    """Applies ASPP and a 1x1 classifier to one level: the head of DeepLab v3.

    ASPP is atrous spatial pyramid pooling.

    Attributes:
      num_classes: Number of classes.
      aspp: The ASPP module, with its own features, rates and options.
      refine: Whether a 3x3 convolution with batch norm and ReLU precedes the
        classifier, as in torchvision, segmentation_models.pytorch and FastFCN. The
        paper has no such convolution.
      dropout: Dropout rate before the classifier. Whole channels are dropped if the
        ASPP has `channel_dropout`.
      tap: The pyramid level that the head reads.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    num_classes: int
    aspp: ASPP
    refine: bool = False
    dropout: float = 0.0
    tap: str = "c5"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        x = self.aspp(pyramid[self.tap], train=train)
        if self.refine:
            block = ConvNormAct(self.aspp.features, style=self.style, name="refine")
            x = block(x, train=train)
        if self.dropout:
            x = Dropout(self.dropout, self.aspp.channel_dropout)(x, train=train)
        return Conv(
            self.num_classes,
            1,
            kernel_init="normal0.01",
            style=self.style,
            name="score",
        )(x)


class DeepLabV3PlusHead(nn.Module):
    """Applies ASPP and a decoder with low-level features: the head of DeepLab v3+.

    ASPP is atrous spatial pyramid pooling. A 1x1 convolution with batch norm and ReLU
    reduces the channels of the low-level map. The output of the ASPP is resized to the
    size of that map and concatenated in front of it. `fuse` 3x3 convolutions and a 1x1
    classifier follow, at the resolution of the low level.

    Attributes:
      num_classes: Number of classes.
      aspp: The ASPP module.
      low: Number of channels to which the low-level map is reduced; 48 has the highest
        mean IoU among 8 to 64 in the paper.
      features: Number of channels of the 3x3 convolutions.
      fuse: Number of 3x3 convolutions after the concatenation; 2 in the paper.
      separable: Whether and how those convolutions are separable: "none", "full" or
        "plain", see `SeparableConv`.
      after_aspp: Whether another separable convolution follows the ASPP before the
        upsampling, as in segmentation_models.pytorch but not in the paper.
      dropout: Dropout rate before the classifier.
      low_tap: The pyramid level of the low-level map.
      tap: The level that the ASPP reads.
      style: Settings of normalization and dtype, see `BlockConfig`.

    References:
      arXiv 1802.02611, section 3.1 and table 2.
    """

    num_classes: int
    aspp: ASPP
    low: int = 48
    features: int = 256
    fuse: int = 2
    separable: str = "none"
    after_aspp: bool = False
    dropout: float = 0.0
    low_tap: str = "c2"
    tap: str = "c5"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        x = self.aspp(pyramid[self.tap], train=train)
        if self.after_aspp:
            x = self._conv("after_aspp")(x, train=train)
        block = ConvNormAct(self.low, 1, style=self.style, name="low")
        low = block(pyramid[self.low_tap], train=train)
        x = resize(x, low.shape[1:3], align_corners=self.aspp.align_corners)
        x = jnp.concatenate([x, low], axis=-1)
        for number in range(self.fuse):
            x = self._conv(f"fuse{number}")(x, train=train)
        if self.dropout:
            x = Dropout(self.dropout, self.aspp.channel_dropout)(x, train=train)
        return Conv(
            self.num_classes,
            1,
            kernel_init="normal0.01",
            style=self.style,
            name="score",
        )(x)

    def _conv(self, name):
        return SeparableConv(
            self.features, separable=self.separable, style=self.style, name=name
        )


class ScoreSumHead(nn.Module):
    """Sums 3x3 classifiers at several atrous rates: the head of DeepLab v2.

    There is no batch norm and no activation. A single rate gives the paper's LargeFOV,
    and `rates=()` gives a single 1x1 classifier. The paper's variant ASPP-L has the
    rates 6, 12, 18, 24, and its variant ASPP-S has 2, 4, 8, 12.

    References:
      arXiv 1606.00915, section 3.2.
    """

    num_classes: int
    rates: tuple[int, ...] = (6, 12, 18, 24)
    tap: str = "c5"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        x = pyramid[self.tap]
        options: dict[str, Any] = {"kernel_init": "normal0.01", "style": self.style}
        if not self.rates:
            return Conv(self.num_classes, 1, name="score", **options)(x)
        branches = [
            Conv(self.num_classes, rate=rate, name=f"branch{number}", **options)(x)
            for number, rate in enumerate(self.rates)
        ]
        return functools.reduce(operator.add, branches)
