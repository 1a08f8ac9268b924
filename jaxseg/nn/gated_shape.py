"""Shape stream of Gated-SCNN (arXiv 1907.05740): boundaries at full resolution.

The implementation follows the equations of the paper.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, Norm
from jaxseg.nn.residual import BasicBlock
from jaxseg.ops.conv import conv
from jaxseg.ops.kernels import sobel_kernels
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Pyramid


class GatedConv(nn.Module):
    """Gates the shape stream (edges) with one channel of the regular stream.

    Let [s, r] be the concatenation of the shape stream s and one channel r of the
    regular stream. The result is W (s * (1 + alpha)), where alpha = sigmoid(norm(c2
    ReLU(c1 norm([s, r])))), and c1, c2 and W are 1x1 convolutions.
    """

    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, shape: Array, regular: Array, *, train: bool) -> Array:
        """Maps [B, H, W, C] and [B, H, W, 1] to [B, H, W, C]."""
        channels = shape.shape[-1]
        x = jnp.concatenate([shape, regular.astype(shape.dtype)], axis=-1)
        x = Norm(self.style, name="norm_in")(x, train=train)
        x = nn.relu(Conv(channels + 1, 1, style=self.style, name="gate1")(x))
        x = Conv(1, 1, style=self.style, name="gate2")(x)
        alpha = jax.nn.sigmoid(Norm(self.style, name="norm_gate")(x, train=train))
        out = Conv(channels, 1, bias=False, style=self.style, name="conv")
        return out(shape * (1 + alpha))


class ShapeStream(nn.Module):
    """Predicts the edges of objects from the feature maps of `WideResNet38`.

    Three stages follow each other. Each applies a residual block, a 1x1 convolution to
    half of the channels, and a gate that reads a one-channel projection of c2, c3 or
    c6. A final 1x1 convolution maps to one channel.
    """

    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, size, *, train: bool) -> Array:
        """Returns edge logits [B, H, W, 1], float32, where `size` is (H, W)."""
        x = resize(pyramid["c0"], size, align_corners=True)
        for index, level in enumerate(("c2", "c3", "c6")):
            channels = x.shape[-1]
            block = BasicBlock(channels, style=self.style, name=f"block{index}")
            x = block(x, train=train)
            narrow = max(channels // 2, 1)
            x = Conv(narrow, 1, style=self.style, name=f"reduce{index}")(x)
            view = Conv(1, 1, style=self.style, name=f"view{index}")(pyramid[level])
            view = resize(view, size, align_corners=True)
            gate = GatedConv(self.style, name=f"gate{index}")
            x = gate(x, view, train=train)
        edge = Conv(1, 1, bias=False, style=self.style, name="edge")(x)
        return edge.astype(jnp.float32)


def image_gradient(image: Array) -> Array:
    """Averages the channels of an image and computes the Sobel gradient magnitude.

    The border pixels are repeated, so that a constant image has gradient 0. No gradient
    flows back to the image.

    Args:
      image: [B, H, W, C].

    Returns:
      [B, H, W, 1], float32, scaled to a maximum of 1 in each image.
    """
    gray = jnp.mean(image.astype(jnp.float32), axis=-1, keepdims=True)
    gray = jnp.pad(gray, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    kernels = jnp.moveaxis(jnp.asarray(sobel_kernels()), 0, -1)[:, :, None]
    square = jnp.sum(jnp.square(conv(gray, kernels)), axis=-1, keepdims=True)
    magnitude = jnp.sqrt(square)
    peak = jnp.max(magnitude, axis=(1, 2, 3), keepdims=True)
    # The floor avoids a division by 0 for a constant image.
    return jax.lax.stop_gradient(magnitude / jnp.maximum(peak, 1e-6))
