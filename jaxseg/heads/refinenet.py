"""RefineNet's decoder (Lin et al. 2016, arXiv 1611.06612).

Residual convolution units, multi-resolution fusion and chained residual pooling, in the
order and widths of the released code: four pooling stages, three output units per
level. No normalization; new weights start at N(0, 0.01).
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import Style
from jaxseg.nn.layers import Conv, Dropout
from jaxseg.ops.pool import max_pool
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Pyramid


def conv3x3(features: int, style: Style, name: str, bias: bool = False) -> Conv:
    """3x3 convolution with the decoder's initial values."""
    return Conv(
        features, 3, bias=bias, kernel_init="normal0.01", style=style, name=name
    )


class ResidualUnits(nn.Module):
    """`count` units in a row: ReLU, conv with bias, ReLU, conv without, plus input."""

    count: int
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map `[B, H, W, C]` to the same shape."""
        for i in range(1, self.count + 1):
            features = x.shape[-1]
            first = conv3x3(features, self.style, f"unit{i}_conv1", bias=True)
            second = conv3x3(features, self.style, f"unit{i}_conv2")
            x = x + second(nn.relu(first(nn.relu(x))))
        return x


class ChainedPooling(nn.Module):
    """Chained residual pooling: the sum of ReLU(x) and every stage of pool-and-conv."""

    stages: int = 4
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map `[B, H, W, C]` to the same shape."""
        total = top = nn.relu(x)
        for i in range(1, self.stages + 1):
            top = max_pool(top, window=5, stride=1, padding=2, impl=self.style.impl)
            top = conv3x3(top.shape[-1], self.style, f"conv{i}")(top)
            total = total + top
        return total


class RefineBlock(nn.Module):
    """One level: adapt, fuse with the coarser level, pool in a chain, refine."""

    features: int
    stages: int = 4
    align_corners: bool = True
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array, coarse: Array | None = None) -> Array:
        """Map `[B, H, W, C]` to `[B, H, W, features]`; `coarse` `[B, h, w, features]`.

        `coarse` has already had its fusion convolution.
        """
        x = conv3x3(self.features, self.style, "reduce")(x)
        x = ResidualUnits(2, self.style, name="adapt")(x)
        if coarse is not None:
            x = conv3x3(self.features, self.style, "fuse")(x)
            x = x + resize(
                coarse,
                x.shape[1:3],
                align_corners=self.align_corners,
                impl=self.style.impl,
            )
        x = ChainedPooling(self.stages, self.style, name="pooling")(x)
        return ResidualUnits(3, self.style, name="output")(x)


class RefineNetHead(nn.Module):
    """Four cascaded levels over c5 (512 channels) and c4, c3, c2 (256).

    `width` is the channels of the three finer levels; the coarsest has twice as many.
    Differs: upsampling is bilinear, with aligned corners by default; the MatConvNet
    release resizes bicubically.
    """

    num_classes: int
    width: int = 256
    stages: int = 4
    dropout: float = 0.5
    align_corners: bool = True
    style: Style = Style()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        """Map the pyramid to logits `[B, H / 4, W / 4, num_classes]`."""
        coarse = None
        for level in (5, 4, 3, 2):
            x = pyramid[f"c{level}"]
            if level >= 4:
                x = Dropout(self.dropout)(x, train=train)
            features = 2 * self.width if level == 5 else self.width
            x = RefineBlock(
                features,
                self.stages,
                self.align_corners,
                self.style,
                name=f"refine{level}",
            )(x, coarse)
            if level > 2:
                coarse = conv3x3(self.width, self.style, f"fuse{level}")(x)
        x = Dropout(self.dropout)(x, train=train)
        x = conv3x3(self.num_classes, self.style, "classifier", bias=True)(x)
        return x.astype(jnp.float32)
