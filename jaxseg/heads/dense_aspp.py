"""DenseASPP: densely connected atrous convolutions (Yang et al., CVPR 2018).

As in the authors' release, both convolutions of a branch have biases, the first branch
starts without batch norm, and the newest features come first in the concatenation. In
the release, the first ReLU also changes the input of the head in place (see
`jaxseg.models.denseaspp`).
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, Dropout
from jaxseg.nn.norm import Norm
from jaxseg.typing import Array, Pyramid


class DenseASPPBranch(nn.Module):
    """Applies a 1x1 and an atrous 3x3 convolution, then dropout of whole channels.

    Batch norm and ReLU precede each convolution. The first branch starts with ReLU
    alone.
    """

    reduced: int
    features: int
    rate: int
    first: bool
    dropout: float = 0.1
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        if not self.first:
            x = Norm(self.style, name="norm1")(x, train=train)
        x = Conv(self.reduced, 1, style=self.style, name="conv1")(nn.relu(x))
        x = nn.relu(Norm(self.style, name="norm2")(x, train=train))
        x = Conv(self.features, rate=self.rate, style=self.style, name="conv2")(x)
        return Dropout(self.dropout, channels=True)(x, train=train)


class DenseASPPHead(nn.Module):
    """Applies atrous branches, each of which reads the input and all earlier branches.

    Attributes:
      num_classes: Number of classes.
      reduced: Channels of the 1x1 convolutions, d0 in the release: 128 for
        DenseNet-121, 512 for 161, 336 for 169 and 480 for 201.
      features: Channels of each branch, d1 in the release: 64 for DenseNet-121, 128 for
        161, 168 for 169 and 240 for 201.
      rates: Atrous rates of the branches.
      dropout: Dropout rate.
      tap: The pyramid level that the head reads.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    num_classes: int
    reduced: int = 128
    features: int = 64
    rates: tuple[int, ...] = (3, 6, 12, 18, 24)
    dropout: float = 0.1
    tap: str = "c5"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        x = pyramid[self.tap]
        for number, rate in enumerate(self.rates):
            branch = DenseASPPBranch(
                self.reduced,
                features=self.features,
                rate=rate,
                first=number == 0,
                dropout=self.dropout,
                style=self.style,
                name=f"branch{number}",
            )
            x = jnp.concatenate([branch(x, train=train), x], axis=-1)
        x = Dropout(self.dropout, channels=True)(x, train=train)
        return Conv(self.num_classes, 1, style=self.style, name="score")(x)
