"""The head of UPerNet: pyramid pooling on c5 and a feature pyramid (arXiv 1807.10221).

The network of the paper (section 3.2) solves several tasks; this head has only the
layers for semantic segmentation. The variant "mmseg" follows the code of
MMSegmentation. "smp" follows that of segmentation_models.pytorch, which first
normalizes each level.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.heads.classifier import Classifier
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.context import PyramidPooling
from jaxseg.nn.layers import ConvNormAct
from jaxseg.nn.transformer import LayerNorm
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Pyramid

LEVELS = ("c2", "c3", "c4", "c5")


class UPerNetHead(nn.Module):
    """Pools c5, adds the levels from coarse to fine, fuses and classifies them.

    The result of the pyramid pooling replaces c5. Every finer level is projected by a
    1x1 convolution, and the next coarser result is added to it. A 3x3 convolution
    smooths the sums. They are resized to c2, concatenated and fused.

    Attributes:
      num_classes: Number of classes.
      features: Number of channels of each level and of the fusion.
      bins: For each branch of the pyramid pooling, the number of cells along
        each side of its grid.
      input_norms: Whether a layer normalization precedes the head on each level, as in
        segmentation_models.pytorch.
      dropout: Dropout rate before the classifier; it drops whole channels.
      align_corners: Whether all resizing aligns corners.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    num_classes: int
    features: int = 512
    bins: tuple[int, ...] = (1, 2, 3, 6)
    input_norms: bool = False
    dropout: float = 0.1
    align_corners: bool = False
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        """Maps a pyramid to logits [B, h, w, K], with h and w of "c2", float32."""
        levels = {level: self._normalize(pyramid[level], level) for level in LEVELS}
        maps = [self._pool(levels["c5"], train)]
        x = maps[0]
        for level in reversed(LEVELS[:-1]):
            lateral = self._block(1, f"lateral_{level}")(levels[level], train=train)
            x = lateral + self._resize(x, lateral)
            maps.append(self._block(3, f"smooth_{level}")(x, train=train))
        maps.reverse()
        joined = jnp.concatenate([self._resize(y, maps[0]) for y in maps], axis=-1)
        y = self._block(3, "fuse")(joined, train=train)
        head = Classifier(
            self.num_classes, dropout=self.dropout, style=self.style, name="classifier"
        )
        return head(y, train=train)

    def _normalize(self, x: Array, level: str) -> Array:
        if not self.input_norms:
            return x
        return LayerNorm(style=self.style, name=f"norm_{level}")(x)

    def _pool(self, x: Array, train: bool) -> Array:
        pyramid = PyramidPooling(
            self.features,
            self.bins,
            self.align_corners,
            style=self.style,
            name="pyramid",
        )
        return self._block(3, "pyramid_fuse")(pyramid(x, train=train), train=train)

    def _block(self, kernel: int, name: str) -> ConvNormAct:
        return ConvNormAct(self.features, kernel, style=self.style, name=name)

    def _resize(self, x: Array, like: Array) -> Array:
        return resize(x, like.shape[1:3], align_corners=self.align_corners)
