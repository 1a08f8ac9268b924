"""Up-projection blocks (arXiv 1606.00373) with skips: the decoder of CSPN."""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import Style
from jaxseg.nn.layers import Conv, ConvNormAct
from jaxseg.ops.unpool import bed_of_nails
from jaxseg.typing import Array, Size


class UpProjection(nn.Module):
    """Zero-filled doubling, then ReLU(3x3(...5x5) + 5x5), batch norms between.

    With a skip map the main branch is joined to it and reduced by a further 3x3.
    """

    features: int
    style: Style = Style()

    @nn.compact
    def __call__(
        self, x: Array, size: Size, skip: Array | None = None, *, train: bool
    ) -> Array:
        """[B, h, w, C] -> [B, *size, features]; size up to 2 h, 2 w."""

        def block(source, kernel, act, name):
            layer = ConvNormAct(
                self.features, kernel, act=act, style=self.style, name=name
            )
            return layer(source, train=train)

        x = bed_of_nails(x, 2, size)
        y = block(x, 5, "relu", "conv1")
        if skip is not None:
            y = block(jnp.concatenate([y, skip], axis=-1), 3, "relu", "merge")
        y = block(y, 3, "none", "conv2")
        return nn.relu(y + block(x, 5, "none", "shortcut"))


class UpConv(nn.Module):
    """Zero-filled doubling and one 3x3 without bias."""

    features: int
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array, size: Size) -> Array:
        """[B, h, w, C] -> [B, *size, features]."""
        x = bed_of_nails(x, 2, size)
        return Conv(self.features, bias=False, style=self.style, name="conv")(x)
