"""The head of Semantic FPN, which sums the levels of a pyramid (arXiv 1901.02446).

Section 3.1 of the paper describes it. The variant "mmseg" follows the code of
MMSegmentation, which smooths the levels of the feature pyramid (arXiv 1612.03144) and
uses batch norm. The variant "smp" follows the code of segmentation_models.pytorch. It
does not smooth the levels, uses group norm as in the paper, and aligns corners.
"""

import dataclasses

import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxseg.heads.classifier import Classifier
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, ConvNormAct
from jaxseg.ops.open_size import is_open
from jaxseg.ops.resize import resize, select
from jaxseg.typing import Array, Pyramid

LEVELS = ("c2", "c3", "c4", "c5")
VARIANTS = ("mmseg", "smp")


class SemanticFPNHead(nn.Module):
    """Builds a feature pyramid, enlarges and adds its levels, and classifies the sum.

    Each level is projected by a 1x1 convolution, and the next coarser result is added
    to it. Then 3x3 convolutions are applied to each level. Each of them is followed
    by an enlargement by 2, until the level has the size of c2.

    Attributes:
      num_classes: Number of classes.
      pyramid_features: Number of channels of the feature pyramid.
      features: Number of channels of the enlarged levels.
      variant: Whose code the head follows: "mmseg" for MMSegmentation, or "smp" for
        segmentation_models.pytorch. The description of the module lists the
        differences.
      dropout: Dropout rate before the classifier; it drops whole channels.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    num_classes: int
    pyramid_features: int = 256
    features: int = 128
    variant: str = "mmseg"
    dropout: float = 0.1
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        """Maps a pyramid to logits [B, h, w, K], with h and w of "c2", float32."""
        x: Array | None = None
        total: Array | None = None
        size = pyramid["c2"].shape[1:3]
        for number, level in reversed(list(enumerate(LEVELS))):
            lateral = self._conv(1, f"lateral_{level}")(pyramid[level])
            x = lateral if x is None else lateral + _nearest(x, lateral.shape[1:3])
            y = x if self.variant == "smp" else self._conv(3, f"smooth_{level}")(x)
            y = self._enlarge(y, level, number, train)
            y = resize(y, size, align_corners=self._aligned)
            total = y if total is None else total + y
        head = Classifier(
            self.num_classes, dropout=self.dropout, style=self.style, name="classifier"
        )
        assert total is not None  # LEVELS is not empty
        return head(total, train=train)

    @property
    def _aligned(self) -> bool:
        return self.variant == "smp"

    def _conv(self, kernel: int, name: str) -> Conv:
        return Conv(self.pyramid_features, kernel, style=self.style, name=name)

    def _enlarge(self, y: Array, level: str, doublings: int, train: bool) -> Array:
        style = self.style
        if self.variant == "smp" and style.norm == "batch":
            style = dataclasses.replace(style, norm="group")
        for step in range(max(1, doublings)):
            block = ConvNormAct(
                self.features, style=style, name=f"scale_{level}_{step}"
            )
            y = block(y, train=train)
            if doublings:
                height, width = y.shape[1:3]
                twice = (2 * height, 2 * width)
                y = resize(y, twice, align_corners=self._aligned)
        return y


def _nearest(x: Array, size: tuple[int, ...]) -> Array:
    """Enlarges a map; output row i reads row floor(i * n / m), as PyTorch does."""
    for axis, target in zip((1, 2), size, strict=True):
        array = jnp if is_open(target, x.shape[axis]) else np
        x = select(x, array.arange(target) * x.shape[axis] // target, axis)
    return x
