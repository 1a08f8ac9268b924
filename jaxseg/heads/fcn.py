"""The small convolutional head of torchvision's and MMSegmentation's FCN."""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.layers import Conv, ConvNormAct, Dropout
from jaxseg.nn.style import Style
from jaxseg.typing import Array, Pyramid


class FCNHead(nn.Module):
    """3x3 convolution with normalisation and ReLU, dropout, 1x1 classifier.

    Reads the pyramid's map `tap`, or with `tap=None` a single map (auxiliary heads).
    """

    num_classes: int
    features: int
    tap: str | None = "c5"
    dropout: float = 0.1
    style: Style = Style()

    @nn.compact
    def __call__(self, features: Pyramid | Array, *, train: bool) -> Array:
        """Map `[B, h, w, C]` to logits `[B, h, w, num_classes]`, float32."""
        x = features if self.tap is None else features[self.tap]
        x = ConvNormAct(self.features, 3, style=self.style, name="conv")(x, train=train)
        x = Dropout(self.dropout)(x, train=train)
        x = Conv(self.num_classes, 1, style=self.style, name="classifier")(x)
        return x.astype(jnp.float32)
