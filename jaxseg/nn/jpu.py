"""Joint pyramid upsampling (FastFCN, arXiv 1903.11816).

It approximates the stride-8 output of a dilated backbone from the maps at strides 8, 16
and 32 of a backbone without dilation. Like the authors' release, it concatenates in the
order c5, c4, c3, upsamples bilinearly with aligned corners, and has batch norm but no
ReLU between depthwise and pointwise convolution.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import ConvNormAct, SeparableConvNormAct
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Pyramid


class JPU(nn.Module):
    """Joins the backbone maps c3, c4 and c5 into one map at stride 8.

    The result is [B, H / 8, W / 8, len(rates) * features].

    Attributes:
      features: Number of channels of each level and each branch.
      rates: Atrous rates of the branches.
      align_corners: Whether the upsampling aligns corners. The authors' release does,
        MMSegmentation does not.
      order: Order in which the levels are concatenated. MMSegmentation has ("c3", "c4",
        "c5").
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    features: int = 512
    rates: tuple[int, ...] = (1, 2, 4, 8)
    align_corners: bool = True
    order: tuple[str, str, str] = ("c5", "c4", "c3")
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        size = pyramid["c3"].shape[1:3]
        levels = []
        for tap in self.order:
            block = ConvNormAct(self.features, style=self.style, name=f"lateral_{tap}")
            x = block(pyramid[tap], train=train)
            levels.append(resize(x, size, align_corners=self.align_corners))
        x = jnp.concatenate(levels, axis=-1)
        branches = [
            SeparableConvNormAct(
                self.features,
                rate=rate,
                mid_act=False,
                style=self.style,
                name=f"branch{number}",
            )(x, train=train)
            for number, rate in enumerate(self.rates)
        ]
        return jnp.concatenate(branches, axis=-1)
