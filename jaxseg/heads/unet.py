"""The expanding path of U-Net as a head for any pyramid (arXiv 1505.04597).

Each level doubles the size of its input by nearest-neighbor upsampling, concatenates
the result with the skip map, and applies two 3x3 convolutions with normalization, as in
segmentation_models.pytorch.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.heads.unet_block import up_block
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv
from jaxseg.typing import Array, Pyramid

LEVELS = ("c5", "c4", "c3", "c2", "c1", "c0")


def levels_of(features: tuple[int, ...]) -> tuple[str, ...]:
    """Returns the levels that a decoder reads, from coarse to fine.

    >>> levels_of((256, 128, 64))
    ('c3', 'c2', 'c1', 'c0')

    Args:
      features: Numbers of channels of the levels of the decoder, 3 to 5 numbers.

    Raises:
      ValueError: If there are fewer than 3 or more than 5 numbers.
    """
    if not 3 <= len(features) < len(LEVELS):
        raise ValueError(
            f"features={features} is invalid: expected 3 to {len(LEVELS) - 1} numbers, "
            "one for each level."
        )
    return LEVELS[-1 - len(features) :]


class UNetHead(nn.Module):
    """Decodes c5, with c4 to c1 as skip maps, and classifies by a 3x3 convolution.

    The result has the size of the image.

    The level of stride 1 has no skip connection. The head only reads the size of "c0",
    which is the image. If the backbone has no c1, the level of stride 2 has no skip
    connection either. MiT, Swin and ConvNeXt, for example, have no c1. If the sides of
    a skip map are odd, the upsampled map is cropped to its size.

    Attributes:
      num_classes: Number of classes.
      features: Numbers of channels of the levels, from coarse to fine. With four or
        three numbers, the decoder starts at c4 or c3, like `encoder_depth` in
        segmentation_models.pytorch.
      style: Settings of normalization and dtype, see `BlockConfig`.
      attention: "scse" to gate channels and pixels in each block, or "none", see
        `jaxseg.heads.unet_block.UpBlock`.
      norm: The normalization of the head, a value of `BlockConfig.norm`. If it is None,
        the head has the normalization of `style`.

    Raises:
      ValueError: If `features` does not have three to five entries.
    """

    num_classes: int
    features: tuple[int, ...] = (256, 128, 64, 32, 16)
    style: BlockConfig = BlockConfig()
    attention: str = "none"
    norm: str | None = None

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        """Maps the pyramid with c0 to logits [B, H, W, num_classes], float32."""
        coarsest, *levels = levels_of(self.features)
        block = up_block(self.attention, self.norm, self.style)
        x = pyramid[coarsest]
        height, width = pyramid["c0"].shape[1:3]
        for i, (level, features) in enumerate(zip(levels, self.features, strict=True)):
            size: tuple[int, ...] = (height, width)
            skip = None
            if level == "c1" and level not in pyramid:
                size = (-(-height // 2), -(-width // 2))
            elif level != "c0":
                skip = pyramid[level]
                size = skip.shape[1:3]
            x = block(
                x,
                skip,
                size,
                features=features,
                name=f"block{i}",
                train=train,
            )
        x = Conv(self.num_classes, 3, style=self.style, name="classifier")(x)
        return x.astype(jnp.float32)
