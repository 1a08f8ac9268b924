"""U-Net's expanding path over any pyramid (arXiv 1505.04597).

Nearest upsampling, concatenation `[up, skip]`, two 3x3 convolutions with normalisation
per level; the form of segmentation_models.pytorch.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.layers import Conv, ConvNormAct
from jaxseg.nn.style import Style
from jaxseg.ops.unpool import nearest
from jaxseg.typing import Array, Pyramid

LEVELS = ("c4", "c3", "c2", "c1", "c0")


class UNetHead(nn.Module):
    """From c5 up through c4 ... c1 to the image's size, and a 3x3 classifier.

    `features` of the five levels. The last has no skip: of "c0", the image itself, only
    the size is read. A doubled map is cut to its skip's odd size.
    """

    num_classes: int
    features: tuple[int, ...] = (256, 128, 64, 32, 16)
    style: Style = Style()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        """Map c0 ... c5 to logits `[B, H, W, num_classes]`, float32."""
        if len(self.features) != len(LEVELS):
            raise ValueError(f"features={self.features} must name {len(LEVELS)} levels")
        x = pyramid["c5"]
        levels = zip(LEVELS, self.features, strict=True)
        for i, (level, features) in enumerate(levels):
            height, width = pyramid[level].shape[1:3]
            x = nearest(x, 2)[:, :height, :width]
            if level != "c0":
                x = jnp.concatenate([x, pyramid[level]], axis=-1)
            for j in (1, 2):
                name = f"block{i}_conv{j}"
                conv = ConvNormAct(features, 3, style=self.style, name=name)
                x = conv(x, train=train)
        x = Conv(self.num_classes, 3, style=self.style, name="classifier")(x)
        return x.astype(jnp.float32)
