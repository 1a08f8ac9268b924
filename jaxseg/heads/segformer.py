"""The head of SegFormer, made of linear layers (arXiv 2105.15203, section 3.2).

The variant "author" follows the authors' code: one linear layer for each level, the
concatenation from c5 to c2, and one fusing 1x1 convolution with batch norm and ReLU. In
"mmseg", the code of MMSegmentation, batch norm and ReLU also follow the linear layer of
each level, and the levels are concatenated from c2 to c5.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.heads.classifier import Classifier
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import ConvNormAct
from jaxseg.nn.transformer import Linear
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Pyramid

LEVELS = ("c2", "c3", "c4", "c5")
VARIANTS = ("author", "mmseg")


class SegFormerHead(nn.Module):
    """Projects four levels, resizes them to the finest one, fuses and classifies them.

    Attributes:
      num_classes: Number of classes.
      features: Number of channels of each projection and of the fusion: 256 for MiT-B0
        and B1, 768 for B2 to B5 (256 for all in MMSegmentation).
      variant: Whose code the head follows: "author" for the authors, or "mmseg" for
        MMSegmentation, which adds batch norm and ReLU to each level.
      dropout: Dropout rate before the classifier; it drops whole channels.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    num_classes: int
    features: int = 256
    variant: str = "author"
    dropout: float = 0.1
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        """Maps a pyramid to logits [B, h, w, K], with h and w of "c2", float32."""
        size = pyramid["c2"].shape[1:3]
        maps = []
        for level in LEVELS:
            x = self._project(pyramid[level], level, train)
            maps.append(resize(x, size))
        if self.variant == "author":
            maps.reverse()
        block = ConvNormAct(self.features, 1, style=self.style, name="fuse")
        x = block(jnp.concatenate(maps, axis=-1), train=train)
        head = Classifier(
            self.num_classes, dropout=self.dropout, style=self.style, name="classifier"
        )
        return head(x, train=train)

    def _project(self, x, level, train):
        if self.variant == "author":
            return Linear(self.features, self.style, name=f"project_{level}")(x)
        block = ConvNormAct(self.features, 1, style=self.style, name=f"project_{level}")
        return block(x, train=train)
