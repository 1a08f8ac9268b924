"""U-Net with same padding and batch normalization (arXiv 1505.04597).

The levels have 1, 2, 4, ... times `width` channels and two 3x3 convolutions each. The
contracting path has 2x2 max pooling. The expanding path doubles the size of the map and
concatenates [skip, up]. This is the network in common use: convolutions without bias,
and batch normalization. For the network of the paper, without padding, see
`jaxseg.models.unet_valid`.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, ConvNormAct, ConvTranspose
from jaxseg.nn.norm import Norm
from jaxseg.nn.upsample import ResizeConv, SubPixelConv
from jaxseg.ops.open_size import ImageTooSmall, any_below
from jaxseg.ops.pool import max_pool
from jaxseg.ops.resize import resize
from jaxseg.text import one_of
from jaxseg.typing import Array, Size

UPSAMPLING = ("transposed", "bilinear", "interp", "resize_conv", "sub_pixel")


class DoubleConv(nn.Module):
    """Applies two 3x3 convolutions with normalization and ReLU.

    The first one has `mid` channels, or `features` channels if `mid` is None.
    """

    features: int
    mid: int | None = None
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Maps [B, H, W, C] to [B, H, W, features]."""
        mid = self.mid or self.features
        x = ConvNormAct(mid, style=self.style, name="conv1")(x, train=train)
        return ConvNormAct(self.features, style=self.style, name="conv2")(
            x, train=train
        )


def pad_to(x: Array, size: Size) -> Array:
    """Pads a map [B, h, w, C] with zeros to height and width `size`, on all sides.

    The sides get equal padding; an odd remainder goes to the bottom and the right.
    """
    rows, columns = size[0] - x.shape[1], size[1] - x.shape[2]
    if rows == 0 and columns == 0:
        return x
    pads = (
        (0, 0),
        (rows // 2, rows - rows // 2),
        (columns // 2, columns - columns // 2),
        (0, 0),
    )
    return jnp.pad(x, pads)


class InterpConv(nn.Module):
    """Resizes bilinearly and applies a 1x1 convolution, normalization and ReLU.

    The convolution runs before the resizing. The result does not depend on the order,
    and this order convolves only a quarter of the pixels.
    """

    features: int
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, size: Size, *, train: bool) -> Array:
        """Maps [B, h, w, C] to [B, *size, features]."""
        x = Conv(self.features, 1, bias=False, style=self.style, name="conv")(x)
        x = resize(x, size, impl=self.style.impl)
        return nn.relu(Norm(self.style, name="norm")(x, train=train))


class Up(nn.Module):
    """Doubles the size of a map, concatenates [skip, up] and convolves twice.

    Attributes:
      features: Number of output channels.
      method: "transposed" is a 2x2 transposed convolution. "bilinear" interpolates with
        aligned corners and keeps the number of channels; the first convolution after
        the concatenation halves it. "interp" interpolates with half-pixel centers to
        the size of the skip map and applies a 1x1 convolution with normalization.
        "resize_conv" repeats pixels and convolves by 3x3. "sub_pixel" convolves by 3x3
        and moves depth to space. "transposed", "resize_conv" and "sub_pixel" halve the
        number of channels.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    features: int
    method: str
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, skip: Array, *, train: bool) -> Array:
        """Maps [B, h, w, C] and a skip map [B, H, W, S] to [B, H, W, features]."""
        size = skip.shape[1:3]
        mid = None
        if self.method == "transposed":
            x = ConvTranspose(x.shape[-1] // 2, 2, 2, style=self.style, name="up")(x)
        elif self.method == "bilinear":
            mid = (x.shape[-1] + skip.shape[-1]) // 2
            doubled = (2 * x.shape[1], 2 * x.shape[2])
            x = resize(x, doubled, align_corners=True, impl=self.style.impl)
        elif self.method == "interp":
            up = InterpConv(skip.shape[-1], self.style, name="up")
            x = up(x, size, train=train)
        else:
            kind = ResizeConv if self.method == "resize_conv" else SubPixelConv
            x = kind(x.shape[-1] // 2, style=self.style, name="up")(x)
        x = jnp.concatenate([skip, pad_to(x, size)], axis=-1)
        return DoubleConv(self.features, mid, self.style, name="block")(x, train=train)


class UNetTrunk(nn.Module):
    """Applies the contracting and the expanding path of U-Net.

    The image can have any height and width of at least `2**depth` pixels. The output
    sizes of pooling are rounded down.

    Attributes:
      width: Number of channels of the first level.
      depth: Number of poolings.
      up: The upsampling method: "transposed", "bilinear", "interp", "resize_conv" or
        "sub_pixel", see `Up.method`.
      style: Settings of normalization and dtype, see `BlockConfig`.

    Raises:
      ValueError: If `up` is unknown or the image is too small.
    """

    width: int = 64
    depth: int = 4
    up: str = "transposed"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool) -> tuple[Array, ...]:
        """Returns the bottleneck and the decoder maps, the last at full resolution."""
        if self.up not in UPSAMPLING:
            raise ValueError(f"up={self.up!r} is invalid{one_of(self.up, UPSAMPLING)}")
        smallest = 2**self.depth
        if any_below(image.shape[1:3], smallest):
            raise ImageTooSmall(
                f"image size={image.shape[1:3]} is invalid: expected sides of at least "
                f"{smallest} pixels for depth={self.depth}. Pad the image."
            )
        widths = [self.width * 2**level for level in range(self.depth + 1)]
        if self.up == "bilinear":
            widths[-1] //= 2
        x = DoubleConv(widths[0], style=self.style, name="down0")(image, train=train)
        skips = [x]
        for level in range(1, self.depth + 1):
            x = max_pool(x, window=2, impl=self.style.impl)
            x = DoubleConv(widths[level], style=self.style, name=f"down{level}")(
                x, train=train
            )
            skips.append(x)
        maps = [x]
        for level in reversed(range(self.depth)):
            halve = self.up == "bilinear" and level > 0
            features = widths[level] // 2 if halve else widths[level]
            x = Up(features, self.up, self.style, name=f"up{level}")(
                x, skips[level], train=train
            )
            maps.append(x)
        return tuple(maps)


class UNet(nn.Module):
    """Applies U-Net with same padding; returns logits at the size of the image."""

    num_classes: int
    width: int = 64
    depth: int = 4
    up: str = "transposed"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> dict[str, Array]:
        """Maps [B, H, W, C] to {"logits": [B, H, W, num_classes]}."""
        trunk = UNetTrunk(
            self.width, depth=self.depth, up=self.up, style=self.style, name="trunk"
        )
        x = trunk(image, train=train)[-1]
        x = Conv(self.num_classes, 1, style=self.style, name="classifier")(x)
        return {"logits": x.astype(jnp.float32)}


def unet(
    num_classes: int,
    *,
    width: int = 64,
    depth: int = 4,
    up: str = "transposed",
    style: BlockConfig = BlockConfig(),
) -> UNet:
    """Creates U-Net with same padding and batch normalization (arXiv 1505.04597).

    Args:
      num_classes: Number of classes.
      width: Number of channels of the first level.
      depth: Number of poolings.
      up: The upsampling method: "transposed", "bilinear", "interp", "resize_conv" or
        "sub_pixel", see `Up`.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    return UNet(num_classes, width=width, depth=depth, up=up, style=style)
