"""Context encoding (EncNet, arXiv 1803.08904): a learned dictionary gates the channels.

Differs: the auxiliary presence classifier of the paper's SE loss is left out.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import Style
from jaxseg.nn.layers import Conv, ConvNormAct, Dropout
from jaxseg.nn.norm import Norm
from jaxseg.typing import Array, Pyramid


class Encoding(nn.Module):
    """Residual encoding of [B, H, W, C] with K codewords -> [B, K, C].

    e_k = sum_i softmax_k(-s_k |x_i - d_k|^2) (x_i - d_k), learned codewords d and
    smoothing s. Computed in float32 without the [pixels, K, C] residuals.
    Source: arXiv 1803.08904, section 3; arXiv 1612.02844.
    """

    codewords: int = 32

    @nn.compact
    def __call__(self, x: Array) -> Array:
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
        x = x.astype(jnp.float32).reshape(x.shape[0], -1, channels)
        square = (x * x).sum(-1, keepdims=True) + (words * words).sum(-1)[None, None]
        distance = square - 2 * jnp.einsum("bnc,kc->bnk", x, words)
        weight = nn.softmax(distance * smoothing[None, None], axis=-1)
        total = weight.sum(1)[..., None]
        return jnp.einsum("bnk,bnc->bkc", weight, x) - total * words[None]


class EncHead(nn.Module):
    """1x1 (after JPU) or 3x3 convolution, encoding, channel gate, 1x1 scores.

    Dropout of whole channels stands in front of the scores.
    gate = sigmoid(W mean_k relu(norm(e_k))); y = relu(x + x * gate).
    """

    num_classes: int
    features: int = 512
    codewords: int = 32
    kernel: int = 1
    dropout: float = 0.1
    tap: str = "c5"
    style: Style = Style()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        block = ConvNormAct(self.features, self.kernel, style=self.style, name="reduce")
        x = block(pyramid[self.tap], train=train)
        block = ConvNormAct(self.features, 1, style=self.style, name="embed")
        codes = Encoding(self.codewords, name="encoding")(block(x, train=train))
        # Normalized per codeword, as the release does: codewords take the channel
        # place.
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
