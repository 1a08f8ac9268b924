"""U-Net with same padding and batch normalization (arXiv 1505.04597).

Levels of 1, 2, 4, ... times `width` channels, two 3x3 convolutions each; 2x2 max
pooling down, a doubling of the map up, concatenation `[skip, up]`. Faithful to the form
that is in common use (convolutions without bias, batch normalization); the network of
the paper, without padding, is `jaxseg.models.unet_valid`.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import Style
from jaxseg.nn.layers import Conv, ConvNormAct, ConvTranspose
from jaxseg.nn.norm import Norm
from jaxseg.nn.upsample import ResizeConv, SubPixelConv
from jaxseg.ops.pool import max_pool
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Size

UPSAMPLING = ("transposed", "bilinear", "interp", "resize_conv", "sub_pixel")


class DoubleConv(nn.Module):
    """Two 3x3 convolutions with normalization and ReLU; `mid` channels between."""

    features: int
    mid: int | None = None
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Map `[B, H, W, C]` to `[B, H, W, features]`."""
        mid = self.mid or self.features
        x = ConvNormAct(mid, style=self.style, name="conv1")(x, train=train)
        return ConvNormAct(self.features, style=self.style, name="conv2")(
            x, train=train
        )


def pad_to(x: Array, size: Size) -> Array:
    """Zero-pad `[B, h, w, C]` evenly to `size`, an odd rest at bottom and right."""
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
    """Bilinear resizing, 1x1 convolution without bias, normalization, ReLU.

    The convolution comes first: the two commute, and it has a quarter of the pixels.
    """

    features: int
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array, size: Size, *, train: bool) -> Array:
        """Map `[B, h, w, C]` to `[B, *size, features]`."""
        x = Conv(self.features, 1, bias=False, style=self.style, name="conv")(x)
        x = resize(x, size, impl=self.style.impl)
        return nn.relu(Norm(self.style, name="norm")(x, train=train))


class Up(nn.Module):
    """Double the map, concatenate `[skip, up]`, convolve twice.

    `method`: "transposed" (2x2 stride 2, halves the channels), "bilinear" (aligned
    corners, keeps the channels, halves them between the convolutions), "interp"
    (half-pixel bilinear to the skip's size, then 1x1 convolution with normalization),
    "resize_conv" (nearest, then 3x3) or "sub_pixel" (3x3, then depth to space); those
    two halve the channels, as "transposed" does.
    """

    features: int
    method: str
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array, skip: Array, *, train: bool) -> Array:
        """Join `[B, h, w, C]` to a skip of `[B, H, W, S]`; `[B, H, W, features]`."""
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
    """Contracting and expanding path; the decoder's maps from deep to shallow.

    `depth` levels down with floor pooling. Any height and width of at least
    `2**depth` pixels.
    """

    width: int = 64
    depth: int = 4
    up: str = "transposed"
    style: Style = Style()

    @nn.compact
    def __call__(self, image: Array, *, train: bool) -> tuple[Array, ...]:
        """Return bottleneck and `depth` decoder maps; the last at full resolution."""
        if self.up not in UPSAMPLING:
            raise ValueError(f"up={self.up!r} is not one of {UPSAMPLING}")
        smallest = 2**self.depth
        if min(image.shape[1:3]) < smallest:
            raise ValueError(
                f"image of {image.shape[1:3]} pixels is smaller than {smallest}, the "
                f"least side for depth={self.depth}; pad the image"
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
    """U-Net with same padding; logits at the input's resolution for any size."""

    num_classes: int
    width: int = 64
    depth: int = 4
    up: str = "transposed"
    style: Style = Style()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> dict[str, Array]:
        """Map `[B, H, W, C]` to `{"logits": [B, H, W, num_classes]}`."""
        trunk = UNetTrunk(self.width, self.depth, self.up, self.style, name="trunk")
        x = trunk(image, train=train)[-1]
        x = Conv(self.num_classes, 1, style=self.style, name="classifier")(x)
        return {"logits": x.astype(jnp.float32)}


def unet(
    num_classes: int,
    *,
    width: int = 64,
    depth: int = 4,
    up: str = "transposed",
    style: Style = Style(),
) -> UNet:
    """U-Net, same padding with batch normalization (arXiv 1505.04597).

    `width` is the first level's channels; `up`: see `Up`.
    """
    return UNet(num_classes, width, depth, up, style)
