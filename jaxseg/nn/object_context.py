"""Object-contextual representations, OCR (arXiv 1909.11065).

A pixel is described by the classes it belongs to: coarse logits give one soft region
per class, each region one vector, and every pixel attends to the K region vectors. The
softmax of the regions runs over the pixels, with full gradient into the coarse logits.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.attention import attend_pixels, flatten_pixels
from jaxseg.nn.block_config import Style
from jaxseg.nn.layers import ConvNormAct
from jaxseg.typing import Array


def gather_regions(x: Array, coarse: Array) -> Array:
    """f_k = sum_n softmax_n(coarse[n, k]) x_n.

    Args:
      x: pixel features [B, H, W, C].
      coarse: logits [B, H, W, K].

    Returns: region vectors [B, K, C] in the type of x.
    """
    weights = jax.nn.softmax(flatten_pixels(coarse).astype(jnp.float32), axis=1)
    flat = flatten_pixels(x)
    return jnp.einsum("bnk,bnc->bkc", weights.astype(x.dtype), flat)


class ObjectContext(nn.Module):
    """z = g([rho(sum_k w_k delta(f_k)); x]), w = softmax_k(phi(x) . psi(f_k) / sqrt d).

    phi and psi are two 1x1-norm-ReLU layers, delta, rho and g one each. `bias` gives
    the convolutions a bias before their norm, as the openseg code does.
    """

    key_features: int = 256
    features: int | None = None
    bias: bool = False
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array, coarse: Array, *, train: bool) -> Array:
        """[B, H, W, C] and logits [B, H, W, K] -> [B, H, W, features or C]."""

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
        context = attend_pixels(query, key, value, depth**-0.5, "plain")
        context = layer(context.astype(x.dtype), channels, "context")
        joined = jnp.concatenate([context, x], axis=-1)
        return layer(joined, self.features or channels, "fuse")
