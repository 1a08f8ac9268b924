"""The last layers of most heads: dropout and a 1x1 convolution."""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, ConvNormAct
from jaxseg.typing import Array


class Classifier(nn.Module):
    """Applies dropout and a convolution whose output channels are the class logits.

    Dropout removes whole channels, like PyTorch's Dropout2d. `channel_dropout=False`
    removes single values. In evaluation, dropout is active if the caller passes an rng
    named "dropout".
    """

    num_classes: int
    kernel: int = 1
    dropout: float = 0.0
    bias: bool = True
    kernel_init: str = "normal0.01"
    style: BlockConfig = BlockConfig()
    channel_dropout: bool = True

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Maps [B, h, w, C] to logits [B, h, w, num_classes], float32."""
        whole = (1, 2) if self.channel_dropout else ()
        active = train or self.has_rng("dropout")  # as in `jaxseg.nn.Dropout`
        drop = nn.Dropout(self.dropout, whole, deterministic=not active)
        x = Conv(
            self.num_classes,
            kernel=self.kernel,
            bias=self.bias,
            kernel_init=self.kernel_init,
            style=self.style,
            name="conv",
        )(drop(x))
        return x.astype(jnp.float32)


class PixelHead(nn.Module):
    """Applies a convolution, normalization, ReLU, dropout and a 1x1 classifier.

    The first convolution has `features` output channels. If `features` is None, it has
    as many output channels as input channels.
    """

    num_classes: int
    features: int | None
    kernel: int = 3
    bias: bool = False
    dropout: float = 0.1
    style: BlockConfig = BlockConfig()
    channel_dropout: bool = True

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Maps [B, h, w, C] to logits [B, h, w, num_classes], float32."""
        x = ConvNormAct(
            self.features or x.shape[-1],
            kernel=self.kernel,
            bias=self.bias,
            style=self.style,
            name="conv",
        )(x, train=train)
        head = Classifier(
            self.num_classes,
            dropout=self.dropout,
            style=self.style,
            channel_dropout=self.channel_dropout,
            name="classifier",
        )
        return head(x, train=train)
