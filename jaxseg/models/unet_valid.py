"""The original U-Net with unpadded convolutions (Ronneberger 2015, arXiv 1505.04597).

Each level has two unpadded 3x3 convolutions with bias and ReLU. 2x2 max pooling, 2x2
transposed convolutions and center-cropped skip maps connect the levels. Widths, crops
and dropout (0.5 after the last two levels of the contracting path) follow the released
network. An input of `16k + 12` pixels gives an output of `16k + 12 - 184` (572 -> 388).
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, ConvTranspose, Dropout
from jaxseg.ops.open_size import is_open, larger
from jaxseg.ops.pool import max_pool
from jaxseg.text import one_of
from jaxseg.typing import Array, Size

PADS = ("reflect", "none")


def valid_sizes(output: int, depth: int = 4) -> tuple[int, int]:
    """Returns the smallest image size whose logits have at least the size `output`.

    Sizes are numbers of pixels per side. A level of the expanding path turns n pixels
    into 2n - 4. A level of the contracting path turns 2n + 4 pixels into n.

    Returns:
      A pair: the size of the input image and the size of the logits, both in pixels per
      side.

    >>> valid_sizes(388)
    (572, 388)
    """
    # n pixels become scale * n - lost on the expanding path.
    scale, lost = 2**depth, 4 * (2**depth - 1)
    side = larger(1, -(-(output + lost) // scale))
    return scale * (side + 4) + lost, scale * side - lost


def check_side(side: int, depth: int) -> None:
    """Raises ValueError unless an image side of `side` pixels fits the unpadded net."""
    n = side - 4
    for _ in range(depth):
        if n <= 0 or n % 2:
            break
        n = n // 2 - 4
    else:
        out = n
        for _ in range(depth):
            out = 2 * out - 4
        if out > 0:
            return
    smallest, out = valid_sizes(1, depth)
    need, _ = valid_sizes(max(1, side - (smallest - out)), depth)
    raise ValueError(
        f"image side={side} is invalid: expected a number of pixels that fits the "
        f"unpadded U-Net of depth={depth}, such as {need}. Resize the image or set "
        "pad='reflect'."
    )


def center_crop(x: Array, size: Size) -> Array:
    """Crops a map [B, H, W, C] to the height and width `size` around its center.

    If the number of excess rows or columns is odd, one more is cut at the bottom or the
    right than at the opposite side.
    """
    top, left = (x.shape[1] - size[0]) // 2, (x.shape[2] - size[1]) // 2
    return x[:, top : top + size[0], left : left + size[1]]


def mirror(image: Array, depth: int) -> Array:
    """Returns an image [B, H, W, C] that is extended by mirrored pixels at each side.

    The logits of the unpadded net then cover the whole original image.
    """
    pads = []
    for side in image.shape[1:3]:
        need, out = valid_sizes(side, depth)
        before = (need - out) // 2
        pads.append((before, need - side - before))
    if is_open(*image.shape[1:3]):
        for axis, (before, after) in zip((1, 2), pads, strict=True):
            image = _mirror_open(image, axis, before, after)
        return image
    return jnp.pad(image, ((0, 0), *pads, (0, 0)), mode="reflect")


def _mirror_open(image, axis, before, after):
    """Mirrors rows or columns at the borders of an image whose size is open."""
    side = image.shape[axis]
    last = jnp.maximum(side - 1, 1)
    position = (jnp.arange(before + side + after) - before) % (2 * last)
    index = jnp.minimum(position, 2 * last - position)
    return jnp.take(image, index, axis=axis, mode="clip")


class ValidPair(nn.Module):
    """Applies two unpadded 3x3 convolutions with bias and ReLU."""

    features: int
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, H, W, C] to [B, H - 4, W - 4, features]."""
        for name in ("conv1", "conv2"):
            conv = Conv(self.features, 3, padding=0, style=self.style, name=name)
            x = nn.relu(conv(x))
        return x


class ValidUNet(nn.Module):
    """Predicts logits with the unpadded U-Net.

    Attributes:
      num_classes: Number of classes.
      width: Number of channels of the first level.
      depth: Number of poolings.
      pad: "reflect" first mirrors the image outwards (the paper's overlap-tile border).
        The logits then cover exactly the image, of any size. "none" needs an image of a
        valid size, and the logits are smaller than it.
      dropout: Dropout rate.
      last_up: Number of channels of the last transposed convolution. None takes the
        value of `width`.
      style: Settings of normalization and dtype, see `BlockConfig`.

    Raises:
      ValueError: If `pad` is unknown or, with "none", the size does not fit.
    """

    num_classes: int
    width: int = 64
    depth: int = 4
    pad: str = "reflect"
    dropout: float = 0.5
    last_up: int | None = None
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> dict[str, Array]:
        """Maps [B, H, W, C] to {"logits": [B, h, w, num_classes]}."""
        if self.pad not in PADS:
            raise ValueError(f"pad={self.pad!r} is invalid{one_of(self.pad, PADS)}")
        size = image.shape[1:3]
        if self.pad == "reflect":
            x = mirror(image, self.depth)
        else:
            x = image
            for side in size:
                check_side(side, self.depth)
        x, skips = self._contract(x, train)
        x = self._expand(x, skips)
        x = Conv(self.num_classes, 1, style=self.style, name="classifier")(x)
        if self.pad == "reflect":
            x = x[:, : size[0], : size[1]]
        return {"logits": x.astype(jnp.float32)}

    def _contract(self, x: Array, train: bool) -> tuple[Array, list[Array]]:
        skips = []
        for level in range(self.depth + 1):
            x = ValidPair(self.width * 2**level, self.style, name=f"down{level}")(x)
            if level >= self.depth - 1:
                x = Dropout(self.dropout)(x, train=train)
            if level < self.depth:
                skips.append(x)
                x = max_pool(x, window=2, impl=self.style.impl)
        return x, skips

    def _expand(self, x: Array, skips: list[Array]) -> Array:
        for level in reversed(range(self.depth)):
            features = self.width * 2**level
            up = self.last_up if level == 0 and self.last_up else features
            x = ConvTranspose(up, 2, 2, style=self.style, name=f"up{level}_conv")(x)
            # The figure shows no activation here; the released network has this ReLU.
            x = nn.relu(x)
            skip = center_crop(skips[level], x.shape[1:3])
            x = jnp.concatenate([skip, x], axis=-1)
            x = ValidPair(features, self.style, name=f"up{level}")(x)
        return x


def unet_valid(
    num_classes: int,
    *,
    width: int = 64,
    depth: int = 4,
    pad: str = "reflect",
    dropout: float = 0.5,
    style: BlockConfig = BlockConfig(),
) -> ValidUNet:
    """Creates U-Net as published, with unpadded convolutions (arXiv 1505.04597).

    Args:
      num_classes: Number of classes.
      width: Number of channels of the first level.
      depth: Number of poolings.
      pad: "reflect" mirrors the image outwards, so that the logits cover it. "none"
        needs an image of a valid size, and the logits are smaller than it.
      dropout: Dropout rate.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    return ValidUNet(
        num_classes,
        width=width,
        depth=depth,
        pad=pad,
        dropout=dropout,
        last_up=None,
        style=style,
    )


def unet_caffe(
    num_classes: int,
    *,
    width: int = 64,
    depth: int = 4,
    pad: str = "reflect",
    dropout: float = 0.5,
    style: BlockConfig = BlockConfig(),
) -> ValidUNet:
    """Creates U-Net as released (arXiv 1505.04597).

    The last transposed convolution has 2 * width channels, 128 by default.

    Args:
      num_classes: Number of classes.
      width: Number of channels of the first level.
      depth: Number of poolings.
      pad: "reflect" mirrors the image outwards, so that the logits cover it. "none"
        needs an image of a valid size, and the logits are smaller than it.
      dropout: Dropout rate.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    return ValidUNet(
        num_classes,
        width=width,
        depth=depth,
        pad=pad,
        dropout=dropout,
        last_up=2 * width,
        style=style,
    )
