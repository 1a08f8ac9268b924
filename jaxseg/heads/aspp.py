"""Heads around atrous spatial pyramid pooling: DeepLab v3, v3+ and v2's score sum.

v2: arXiv 1606.00915; v3: 1706.05587; v3+: 1802.02611.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import Style
from jaxseg.nn.context import ASPP, SeparableConv
from jaxseg.nn.layers import Conv, ConvNormAct, Dropout
from jaxseg.ops.atrous import share_between_rates
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Pyramid


def aspp_rates(rates: tuple[int, ...] | None, output_stride: int) -> tuple[int, ...]:
    """Rates as given, or (6, 12, 18) at stride 16, scaled to keep their span in pixels.

    >>> aspp_rates(None, 8)
    (12, 24, 36)
    """
    if rates is not None:
        return rates
    return tuple(rate * 16 // output_stride for rate in (6, 12, 18))


class ASPPHead(nn.Module):
    """DeepLab v3: ASPP on c5, then 1x1 scores at the feature's resolution.

    Attributes:
      aspp: the pyramid; its own features, rates and options.
      refine: one more 3x3 convolution with batch norm and ReLU before the scores
        (torchvision, segmentation_models.pytorch, FastFCN; the paper has none).
      dropout: before the scores; of whole channels where the ASPP's is.
      tap: level of the pyramid that is read.
    """

    num_classes: int
    aspp: ASPP
    refine: bool = False
    dropout: float = 0.0
    tap: str = "c5"
    style: Style = Style()

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
    """DeepLab v3+: ASPP, then a decoder that joins it with a low level of the backbone.

    low tap -> 1x1-48, batch norm, ReLU; ASPP resized to it; concatenated (ASPP first);
    `fuse` 3x3 convolutions; 1x1 scores at the low level's resolution.

    Attributes:
      low: 1x1 width on the low level (paper: 48 is best of 8 to 64).
      fuse: 3x3 convolutions after the concatenation (paper: 2).
      separable: form of those convolutions, see `SeparableConv`.
      after_aspp: one more separable convolution on the ASPP's output before upsampling
        (segmentation_models.pytorch; the paper has none).
    Source: arXiv 1802.02611, section 3.1 and table 2.
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
    style: Style = Style()

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
    """DeepLab v2: parallel 3x3 score convolutions at several rates, summed.

    No batch norm, no activation. One rate is LargeFOV, `rates=()` a plain 1x1.
    Source: arXiv 1606.00915, section 3.2 (ASPP-L: 6, 12, 18, 24; ASPP-S: 2, 4, 8, 12).
    """

    num_classes: int
    rates: tuple[int, ...] = (6, 12, 18, 24)
    tap: str = "c5"
    style: Style = Style()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        x = pyramid[self.tap]
        options = {"kernel_init": "normal0.01", "style": self.style}
        if not self.rates:
            return Conv(self.num_classes, 1, name="score", **options)(x)
        x = share_between_rates(x, self.rates)
        return sum(
            Conv(self.num_classes, rate=rate, name=f"branch{number}", **options)(x)
            for number, rate in enumerate(self.rates)
        )
