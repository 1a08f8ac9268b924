"""Object-contextual representations, OCR (arXiv 1909.11065).

OCR describes a pixel by the classes that it belongs to. The coarse logits define one
soft region per class, each region has one feature vector, and every pixel attends to
the K region vectors. A softmax over the pixels gives the weight of each pixel in a
region. The gradient flows through these weights to the coarse logits.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.attention import attend_pixels
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import ConvNormAct
from jaxseg.ops.graph import pool_nodes
from jaxseg.typing import Array


def gather_regions(x: Array, coarse: Array) -> Array:
    """Averages pixel features over soft regions, one for each class.

    It computes f_k = sum_n softmax_n(coarse[n, k]) x_n for each class k.

    Args:
      x: Pixel features [B, H, W, C].
      coarse: The logits that define the regions, [B, H, W, K].

    Returns:
      Region vectors [B, K, C] in the dtype of `x`.
    """
    weights = jax.nn.softmax(coarse.astype(jnp.float32), axis=(1, 2))
    return pool_nodes(weights.astype(x.dtype), x)


class ObjectContext(nn.Module):
    """Combines the features of each pixel with those of the regions that it attends to.

    It computes z = g([rho(sum_k w_k delta(f_k)), x]), where
    w = softmax_k(phi(x) . psi(f_k) / sqrt(d)). phi and psi each consist of two 1x1
    convolutions with normalization and ReLU; delta, rho and g consist of one.

    Attributes:
      key_features: d, the number of channels of queries and keys.
      features: Number of output channels; None keeps the number of channels of `x`.
      bias: Whether the convolutions have a bias before their normalization, as in the
        code of openseg.pytorch.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    key_features: int = 256
    features: int | None = None
    bias: bool = False
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, coarse: Array, *, train: bool) -> Array:
        """Maps x [B, H, W, C] and coarse logits [B, H, W, K] to [B, H, W, features]."""

        def layer(source, features, name):
            block = ConvNormAct(
                features, kernel=1, bias=self.bias, style=self.style, name=name
            )
            return block(source, train=train)

        channels, depth = x.shape[-1], self.key_features
        regions = gather_regions(x, coarse)[:, :, None]  # [B, K, 1, C]
        query = layer(layer(x, depth, "pixel_1"), depth, "pixel_2")
        key = layer(layer(regions, depth, "object_1"), depth, "object_2")
        value = layer(regions, depth, "object_value")
        # Stored only if a caller asks for it, see `jaxseg.inference.attention`.
        parts = {"query": query, "key": key, "scale": depth**-0.5, "coarse": coarse}
        self.sow("intermediates", "attention", parts)
        context = attend_pixels(
            query, key=key, value=value, scale=depth**-0.5, impl="plain"
        )
        context = layer(context.astype(x.dtype), channels, "context")
        joined = jnp.concatenate([context, x], axis=-1)
        return layer(joined, self.features or channels, "fuse")
