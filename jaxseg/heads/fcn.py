"""The small convolutional head of torchvision's and MMSegmentation's FCN."""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import Style
from jaxseg.nn.layers import Conv, ConvNormAct, Dropout
from jaxseg.typing import Array, Pyramid


class FCNHead(nn.Module):
    """3x3 convolutions with normalization and ReLU, dropout, 1x1 classifier.

    Reads the pyramid's map `tap`, or with `tap=None` a single map (auxiliary heads).
    `features=None` is a quarter of the map's channels.
    `join` puts the input beside the result and convolves once more; MMSegmentation's
    own FCN has `convs=2, join=True`. `rate` is the atrous rate of the convolutions, but
    not of the one that joins. `channel_dropout` drops whole channels, as all of these
    heads do but torchvision's.
    """

    num_classes: int
    features: int | None = None
    tap: str | None = "c5"
    dropout: float = 0.1
    convs: int = 1
    join: bool = False
    rate: int = 1
    style: Style = Style()
    channel_dropout: bool = False

    @nn.compact
    def __call__(self, features: Pyramid | Array, *, train: bool) -> Array:
        """Map `[B, h, w, C]` to logits `[B, h, w, num_classes]`, float32."""
        x = features if self.tap is None else features[self.tap]
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
