"""The linear head with which DINOv2 is evaluated (arXiv 2304.07193, section 7.4)."""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.heads.classifier import Classifier
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.norm import Norm
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Pyramid


class LinearHead(nn.Module):
    """Concatenates pyramid levels, normalizes them and applies a 1x1 classifier.

    The normalization is that of `style`, batch normalization by default. All levels are
    resized to the size of the first one in `levels`.

    Attributes:
      num_classes: Number of classes.
      levels: The pyramid levels that the head reads.
      dropout: Dropout rate before the classifier; it drops whole channels.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    num_classes: int
    levels: tuple[str, ...] = ("c5",)
    dropout: float = 0.0
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        """Maps a pyramid to logits [B, h, w, K], float32, with the first level's size.

        Args:
          pyramid: The maps by level.
          train: Whether batch normalization uses the statistics of the batch.
        """
        size = pyramid[self.levels[0]].shape[1:3]
        maps = [resize(pyramid[level], size) for level in self.levels]
        x = jnp.concatenate(maps, axis=-1)
        x = Norm(self.style, name="norm")(x, train=train)
        head = Classifier(
            self.num_classes, dropout=self.dropout, style=self.style, name="classifier"
        )
        return head(x, train=train)
