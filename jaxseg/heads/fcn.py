"""The convolutional FCN head of torchvision and MMSegmentation."""

from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, ConvNormAct, Dropout
from jaxseg.typing import Array, Pyramid


class FCNHead(nn.Module):
    """Applies 3x3 convolutions, dropout and a 1x1 classifier.

    Normalization and ReLU follow each 3x3 convolution.

    Attributes:
      num_classes: Number of classes.
      features: Number of channels. None means a quarter of the input's channels.
      tap: The pyramid level that the head reads. With None, the input of the head is a
        single map, as in auxiliary heads.
      dropout: Dropout rate.
      convs: Number of 3x3 convolutions.
      join: Whether to concatenate the input with the result of these convolutions and
        apply another 3x3 convolution. MMSegmentation's FCN has `convs=2, join=True`.
      rate: Atrous rate of the `convs` convolutions. The convolution of `join` has rate
        1.
      style: Settings of normalization and dtype, see `BlockConfig`.
      channel_dropout: Whether to drop whole channels. torchvision drops single values.
    """

    num_classes: int
    features: int | None = None
    tap: str | None = "c5"
    dropout: float = 0.1
    convs: int = 1
    join: bool = False
    rate: int = 1
    style: BlockConfig = BlockConfig()
    channel_dropout: bool = False

    @nn.compact
    def __call__(self, features: Pyramid | Array, *, train: bool) -> Array:
        """Maps [B, h, w, C] to logits [B, h, w, num_classes], float32."""
        x: Any = features  # A pyramid, if `tap` is not None.
        x = x if self.tap is None else x[self.tap]
        names = ["conv", *(f"conv{i}" for i in range(2, self.convs + 1))]
        source, width = x, self.features or x.shape[-1] // 4
        for name in names:
            block = ConvNormAct(width, 3, rate=self.rate, style=self.style, name=name)
            x = block(x, train=train)
        if self.join:
            x = jnp.concatenate([source, x], axis=-1)
            x = ConvNormAct(width, 3, style=self.style, name="join")(x, train=train)
        x = Dropout(self.dropout, self.channel_dropout)(x, train=train)
        x = Conv(self.num_classes, 1, style=self.style, name="classifier")(x)
        return x.astype(jnp.float32)
