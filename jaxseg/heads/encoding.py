"""Context encoding of EncNet (arXiv 1803.08904): learned codewords gate the channels.

Differs: there is no auxiliary classifier of class presence, on which the paper's
semantic encoding (SE) loss depends.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, ConvNormAct, Dropout
from jaxseg.nn.norm import Norm
from jaxseg.ops.graph import pool_nodes
from jaxseg.typing import Array, Pyramid


class Encoding(nn.Module):
    """Sums the differences between pixels and learned codewords with soft weights.

    It computes e_k = sum_i softmax_k(-s_k |x_i - d_k|^2) (x_i - d_k) in float32, where
    x_i are the features of pixel i, d_k are the K learned codewords, and s_k are
    learned factors. The differences [pixels, K, C] are never stored.

    References:
      arXiv 1803.08904, section 3; arXiv 1612.02844.
    """

    codewords: int = 32

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, H, W, C] to [B, codewords, C]."""
        channels = x.shape[-1]
        bound = (self.codewords * channels) ** -0.5
        words = self.param(
            "codewords",
            lambda key, shape: nn.initializers.uniform(2 * bound)(key, shape) - bound,
            (self.codewords, channels),
        )
        smoothing = self.param(
            "smoothing",
            lambda key, shape: -nn.initializers.uniform(1.0)(key, shape),
            (self.codewords,),
        )
        x = x.astype(jnp.float32)
        own = (words * words).sum(-1)[None, None, None]
        square = (x * x).sum(-1, keepdims=True) + own
        distance = square - 2 * jnp.einsum("bhwc,kc->bhwk", x, words)
        weight = nn.softmax(distance * smoothing[None, None, None], axis=-1)
        total = weight.sum((1, 2))[..., None]
        return pool_nodes(weight, x) - total * words[None]


class EncHead(nn.Module):
    """Gates the channels of a map by its encoding and classifies the result.

    A convolution computes the map x, from which `Encoding` computes the vectors e_k.
    The gate is sigmoid(W mean_k relu(norm(e_k))) with a learned matrix W, and the
    result is relu(x + x * gate). Dropout of whole channels and a 1x1 classifier follow.

    Attributes:
      num_classes: Number of classes.
      features: Number of channels of the map.
      codewords: Number of codewords.
      kernel: Kernel size of the first convolution: 1 after JPU, otherwise 3.
      dropout: Dropout rate before the classifier.
      tap: The pyramid level that the head reads.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    num_classes: int
    features: int = 512
    codewords: int = 32
    kernel: int = 1
    dropout: float = 0.1
    tap: str = "c5"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        block = ConvNormAct(self.features, self.kernel, style=self.style, name="reduce")
        x = block(pyramid[self.tap], train=train)
        block = ConvNormAct(self.features, 1, style=self.style, name="embed")
        codes = Encoding(self.codewords, name="encoding")(block(x, train=train))
        # The release normalizes each codeword, so the codewords take the channel axis.
        codes = Norm(self.style, name="encoding_norm")(
            codes.transpose(0, 2, 1), train=train
        )
        context = nn.relu(codes).mean(-1)[:, None, None].astype(x.dtype)
        gate = nn.sigmoid(
            Conv(self.features, 1, style=self.style, name="gate")(context)
        )
        drop = Dropout(self.dropout, channels=True)
        x = drop(nn.relu(x + x * gate), train=train)
        return Conv(self.num_classes, 1, style=self.style, name="score")(x)
