"""The expanding path of U-Net as a head for any pyramid (arXiv 1505.04597).

Each level doubles its input by nearest-neighbor upsampling, concatenates [up, skip] and
applies two 3x3 convolutions with normalization, as in segmentation_models.pytorch.
"""

import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, ConvNormAct, initializer
from jaxseg.nn.norm import Norm
from jaxseg.ops.upsample_conv import doubled_conv
from jaxseg.typing import Array, Pyramid

LEVELS = ("c4", "c3", "c2", "c1", "c0")


class _DoubledConv(nn.Module):
    """Holds the kernel [3, 3, C + D, features] of `doubled_conv`."""

    features: int
    style: BlockConfig

    @nn.compact
    def __call__(self, low, skip, size):
        channels = low.shape[-1] + (0 if skip is None else skip.shape[-1])
        shape, dtype = (3, 3, channels, self.features), self.style.dtype
        kernel = self.param("kernel", initializer("he"), shape).astype(dtype)
        skip = None if skip is None else skip.astype(dtype)
        impl = self.style.impl
        return doubled_conv(low.astype(dtype), skip, kernel, size=size, impl=impl)


class _DoubledConvNormAct(nn.Module):
    """Applies `ConvNormAct` to the concatenation of the doubled `low` and `skip`."""

    features: int
    style: BlockConfig

    @nn.compact
    def __call__(self, low, skip, size, *, train):
        x = _DoubledConv(self.features, self.style, name="conv")(low, skip, size)
        return nn.relu(Norm(self.style, name="norm")(x, train=train))


class UNetHead(nn.Module):
    """Decodes c5, with c4 to c1 as skip maps, and classifies by a 3x3 convolution.

    The result has the size of the image.

    The last level has no skip connection: the head only reads the size of "c0", which
    is the image. If the sides of a skip map are odd, the doubled map is cropped to its
    size.

    Attributes:
      num_classes: Number of classes.
      features: Numbers of channels of the five levels, from coarse to fine.
      style: See `BlockConfig`.

    Raises:
      ValueError: If `features` does not have five entries.
    """

    num_classes: int
    features: tuple[int, ...] = (256, 128, 64, 32, 16)
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        """Maps c0 to c5 to logits [B, H, W, num_classes], float32."""
        if len(self.features) != len(LEVELS):
            raise ValueError(
                f"features={self.features} is invalid: expected {len(LEVELS)} numbers, "
                "one for each level."
            )
        x = pyramid["c5"]
        levels = zip(LEVELS, self.features, strict=True)
        for i, (level, features) in enumerate(levels):
            skip = None if level == "c0" else pyramid[level]
            size, name = pyramid[level].shape[1:3], f"block{i}_conv"
            x = _cut_or_extend(x, size)
            first = _DoubledConvNormAct(features, self.style, name=f"{name}1")
            second = ConvNormAct(features, 3, style=self.style, name=f"{name}2")
            x = second(first(x, skip, size, train=train), train=train)
        x = Conv(self.num_classes, 3, style=self.style, name="classifier")(x)
        return x.astype(jnp.float32)


def _cut_or_extend(x, size):
    """Returns a map of half of `size`, rounded up.

    Backbones that round down lack a row or column at the border, which repeats the
    last one. Those that follow Caffe's size rule have one that lies beyond the image.
    """
    for axis, side in zip((1, 2), size, strict=True):
        missing = -(-side // 2) - x.shape[axis]
        if missing < 0:
            x = lax.slice_in_dim(x, 0, x.shape[axis] + missing, axis=axis)
        elif missing > 0:
            widths = [(0, missing if a == axis else 0) for a in range(x.ndim)]
            x = jnp.pad(x, widths, mode="edge")
    return x
