"""DenseASPP: densely connected atrous convolutions (Yang et al., CVPR 2018).

As in the authors' release, both convolutions have biases, no batch norm stands in
front of the first branch, and the newest features come first in the concatenation. The
release activates the map that the head reads (`jaxseg.models.denseaspp`).
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import Style
from jaxseg.nn.layers import Conv, Dropout
from jaxseg.nn.norm import Norm
from jaxseg.typing import Array, Pyramid


class DenseASPPBranch(nn.Module):
    """[batch norm,] ReLU, 1x1, batch norm, ReLU, atrous 3x3, dropout of channels."""

    reduced: int
    features: int
    rate: int
    first: bool
    dropout: float = 0.1
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        if not self.first:
            x = Norm(self.style, name="norm1")(x, train=train)
        x = Conv(self.reduced, 1, style=self.style, name="conv1")(nn.relu(x))
        x = nn.relu(Norm(self.style, name="norm2")(x, train=train))
        x = Conv(self.features, rate=self.rate, style=self.style, name="conv2")(x)
        return Dropout(self.dropout, channels=True)(x, train=train)


class DenseASPPHead(nn.Module):
    """Branches at `rates`, each reading all before it; 1x1 scores.

    `reduced` and `features` are the widths d0 and d1 of the release (DenseNet-121: 128
    and 64; 161: 512 and 128; 169: 336 and 168; 201: 480 and 240).
    """

    num_classes: int
    reduced: int = 128
    features: int = 64
    rates: tuple[int, ...] = (3, 6, 12, 18, 24)
    dropout: float = 0.1
    tap: str = "c5"
    style: Style = Style()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        x = pyramid[self.tap]
        for number, rate in enumerate(self.rates):
            branch = DenseASPPBranch(
                self.reduced,
                self.features,
                rate,
                number == 0,
                self.dropout,
                self.style,
                name=f"branch{number}",
            )
            x = jnp.concatenate([branch(x, train=train), x], axis=-1)
        x = Dropout(self.dropout, channels=True)(x, train=train)
        return Conv(self.num_classes, 1, style=self.style, name="score")(x)
