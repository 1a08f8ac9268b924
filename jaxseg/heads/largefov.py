"""VGG heads of DeepLab v1 and v2: LargeFOV, ASPP and multi-scale predictions (MSc).

References:
  v1: arXiv 1412.7062; v2: arXiv 1606.00915, section 3.2.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, Dropout
from jaxseg.ops.rescale import zoom
from jaxseg.ops.resize import resize
from jaxseg.text import one_of
from jaxseg.typing import Array, Pyramid

FUSIONS = ("none", "concat", "sum")


class FullyConnected(nn.Module):
    """Applies VGG's layers fc6 and fc7 as convolutions, each with ReLU and dropout.

    fc6 has an atrous rate.
    """

    features: int = 1024
    kernel: int = 3
    rate: int = 12
    dropout: float = 0.5
    style: BlockConfig = BlockConfig()

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
    """Extracts features from an early map, for multi-scale predictions (MSc).

    It applies a 3x3 and then a 1x1 convolution, each with ReLU and dropout.
    """

    features: int = 128
    dropout: float = 0.5
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        x = nn.relu(Conv(self.features, 3, style=self.style, name="conv")(x))
        x = Dropout(self.dropout)(x, train=train)
        x = nn.relu(Conv(self.features, 1, style=self.style, name="fc")(x))
        return Dropout(self.dropout)(x, train=train)


class LargeFOVHead(nn.Module):
    """Sums the logits of branches that consist of fc6, fc7 and fc8, one for each rate.

    One rate gives LargeFOV, four rates give the ASPP of v2.

    Attributes:
      num_classes: Number of classes.
      rates: Atrous rates of fc6.
      features: Number of channels of fc6 and fc7. LargeFOV has 1024 channels and kernel
        size 3. The paper's alternatives have 4096 channels and kernel size 4 or 7.
      kernel: Kernel size of fc6.
      fusion: How the head uses further branches, which read the image and pool1 to
        pool4 ("MSc"). With "concat", as in the paper, their features are concatenated
        with those of fc7 before the classifier. With "sum", as in the release, each
        branch has its own classifier, and the score maps are added at the size of the
        image. With "none", there are no such branches.
      scale_features: Number of channels of these branches.
      style: Settings of normalization and dtype, see `BlockConfig`.
      strides: The strides of c0 to c5, in image pixels, or None. If they are given,
        maps are resized with aligned corners, like Caffe's Interp layer. With None,
        maps are resized with half-pixel centers, as in the first version of jaxseg.

    Differs: the released networks with these branches accept only sizes of the form
      8 k + 1. At other sizes, this head crops the enlarged score maps to the size of
      the image.

    Raises:
      ValueError: If the fusion is unknown.
    """

    num_classes: int
    rates: tuple[int, ...] = (12,)
    features: int = 1024
    kernel: int = 3
    fusion: str = "none"
    scale_features: int = 128
    style: BlockConfig = BlockConfig()
    strides: tuple[int, ...] | None = None

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        if self.fusion not in FUSIONS:
            raise ValueError(
                f"fusion={self.fusion!r} is invalid{one_of(self.fusion, FUSIONS)}"
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
        """Sums the score maps at the size of the image."""
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
