"""VGG heads of DeepLab v1 and v2: LargeFOV, its variants, ASPP and MSc.

v1: arXiv 1412.7062; v2: arXiv 1606.00915, section 3.2.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import Style
from jaxseg.nn.layers import Conv, Dropout
from jaxseg.ops.rescale import zoom
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Pyramid

FUSIONS = ("none", "concat", "sum")


class FullyConnected(nn.Module):
    """VGG's fc6 at an atrous rate and fc7, ReLU and dropout after each."""

    features: int = 1024
    kernel: int = 3
    rate: int = 12
    dropout: float = 0.5
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        before = self.rate * (self.kernel - 1) // 2
        after = self.rate * (self.kernel - 1) - before
        fc6 = Conv(
            self.features,
            self.kernel,
            rate=self.rate,
            padding=((before, after), (before, after)),
            style=self.style,
            name="fc6",
        )
        x = Dropout(self.dropout)(nn.relu(fc6(x)), train=train)
        fc7 = Conv(self.features, 1, style=self.style, name="fc7")
        return Dropout(self.dropout)(nn.relu(fc7(x)), train=train)


class ScaleBranch(nn.Module):
    """MSc's branch on an early map: 3x3, 1x1, ReLU and dropout after each."""

    features: int = 128
    dropout: float = 0.5
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        x = nn.relu(Conv(self.features, 3, style=self.style, name="conv")(x))
        x = Dropout(self.dropout)(x, train=train)
        x = nn.relu(Conv(self.features, 1, style=self.style, name="fc")(x))
        return Dropout(self.dropout)(x, train=train)


class LargeFOVHead(nn.Module):
    """Sum over `rates` of fc6, fc7, fc8; one rate is LargeFOV, four are v2's ASPP.

    Attributes:
      features, kernel: of fc6; (1024, 3) LargeFOV, (4096, 4) and (4096, 7) its rivals.
      fusion: early predictions from the image and pool1 to pool4 ("MSc"). "concat", the
        paper: their features join fc7's before the classifier. "sum", the release: each
        is classified and the score maps are added at the image's size.
      scale_features: width of those branches.
      strides: pixels per cell of the image, of pool1 to pool4 and of c5; maps are then
        brought together with aligned corners, as Caffe's Interp layer does. None is
        the half-pixel resizing of jaxseg's first version.

    Differs: the released networks with early predictions accept sizes of the form
    8 k + 1 only; at other sizes the enlarged score maps are cut to the image here.
    """

    num_classes: int
    rates: tuple[int, ...] = (12,)
    features: int = 1024
    kernel: int = 3
    fusion: str = "none"
    scale_features: int = 128
    style: Style = Style()
    strides: tuple[int, ...] | None = None

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        if self.fusion not in FUSIONS:
            raise ValueError(
                f"fusion {self.fusion!r} is unknown; allowed are {FUSIONS}"
            )
        early = self._early(pyramid, train)
        scores = []
        for number, rate in enumerate(self.rates):
            branch = FullyConnected(
                self.features,
                self.kernel,
                rate,
                style=self.style,
                name=f"branch{number}",
            )
            x = branch(pyramid["c5"], train=train)
            if self.fusion == "concat":
                aligned = self.strides is not None
                parts = [resize(y, x.shape[1:3], align_corners=aligned) for y in early]
                x = jnp.concatenate([x, *parts], axis=-1)
            scores.append(self._score(f"score{number}")(x))
        total = sum(scores)
        if self.fusion != "sum":
            return total
        scores = [
            self._score(f"scale{level}_score")(y) for level, y in enumerate(early)
        ]
        return self._whole([*scores, total], pyramid["c0"].shape[1:3])

    def _whole(self, scores, size):
        """The sum of the score maps at the image's size."""
        if self.strides is None:
            return sum(resize(y, size) for y in scores)
        pairs = zip(scores, self.strides, strict=True)
        return sum(zoom(y, stride, size) for y, stride in pairs)

    def _early(self, pyramid, train):
        if self.fusion == "none":
            return []
        return [
            ScaleBranch(self.scale_features, style=self.style, name=f"scale{level}")(
                pyramid[f"c{level}"], train=train
            )
            for level in range(5)
        ]

    def _score(self, name):
        return Conv(
            self.num_classes, 1, kernel_init="normal0.01", style=self.style, name=name
        )
