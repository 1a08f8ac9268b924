"""HRNetV2's head (arXiv 1904.04514): four resolutions side by side, then 1x1.

Differs between code bases: the authors' 1x1 has a bias before its norm (the default),
MMSegmentation's has none (`bias=False`), openseg's is 3x3 (`kernel=3`).
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.heads.classifier import PixelHead
from jaxseg.nn.block_config import Style
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Pyramid

LEVELS = ("c2", "c3", "c4", "c5")


def concat_levels(
    pyramid: Pyramid, levels: tuple[str, ...] = LEVELS, align_corners: bool = False
) -> Array:
    """Bring every level to the size of the first and join channels [B, h, w, sum C]."""
    first = pyramid[levels[0]]
    size = first.shape[1:3]
    rest = [resize(pyramid[k], size, align_corners=align_corners) for k in levels[1:]]
    return jnp.concatenate([first, *rest], axis=-1)


class HighResolutionHead(nn.Module):
    """Pyramid c2..c5 -> logits at c2: concat, conv-norm-ReLU of equal width, 1x1."""

    num_classes: int
    kernel: int = 1
    bias: bool = True
    align_corners: bool = False
    style: Style = Style()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        """[B, h, w, num_classes] float32."""
        x = concat_levels(pyramid, align_corners=self.align_corners)
        head = PixelHead(
            self.num_classes,
            features=x.shape[-1],
            kernel=self.kernel,
            bias=self.bias,
            dropout=0.0,
            style=self.style,
            name="pixel",
        )
        return head(x, train=train)
