"""The cascade of DeepLab v3: copies of the last residual block at growing rates.

References:
  arXiv 1706.05587, section 3.2 (figure 3). Blocks 5 to 7 repeat block 4. Every block
    but the last ends with a stride of 2. An atrous rate replaces the stride where the
    stride would exceed the output stride.
"""

from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv
from jaxseg.nn.residual import Bottleneck
from jaxseg.typing import Array, Pyramid


class CascadeHead(nn.Module):
    """Applies blocks of residual bottlenecks, and then a 1x1 classifier.

    The head reads c5, the deepest level of the pyramid.

    The atrous rates of the b-th additional block (b = 1, 2, ...) are the factors
    `multi_grid`, each multiplied by 32 * 2^b / output_stride. At output strides above
    32, the first blocks have a stride of 2 instead. The paper puts that stride in the
    last unit of the preceding block. This module subsamples the output of that unit,
    which gives the same result.

    Attributes:
      num_classes: Number of classes.
      blocks: Number of additional blocks, 0 to 3 (blocks 5, 6 and 7).
      output_stride: 8 to 256. The stride of c5 must be min(32, output_stride).
      multi_grid: Factors by which the rates of the bottlenecks in a block are
        multiplied, one for each bottleneck.
      width: Each block has 32 * width channels. With None, it has as many channels as
        c5.
      style: Settings of normalization and dtype, see `BlockConfig`.

    Raises:
      ValueError: If the blocks cannot reach the output stride.
    """

    num_classes: int
    blocks: int = 3
    output_stride: int = 16
    multi_grid: tuple[int, ...] = (1, 2, 1)
    width: int | None = None
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        allowed = [8 * 2**i for i in range(3 + self.blocks)]
        if self.output_stride not in allowed:
            raise ValueError(
                f"output_stride={self.output_stride} is invalid with "
                f"blocks={self.blocks}: expected one of {allowed}."
            )
        x, stride = pyramid["c5"], 32
        features = 8 * self.width if self.width else x.shape[-1] // 4
        rate = max(1, 32 // self.output_stride)
        for block in range(5, 5 + self.blocks):
            stride *= 2
            if stride <= self.output_stride:
                x = x[:, ::2, ::2]
            else:
                rate *= 2
            for i, grid in enumerate(self.multi_grid):
                unit = Bottleneck(
                    features,
                    rate=rate * grid,
                    style=self.style,
                    name=f"block{block}_{i}",
                )
                x = unit(x, train=train)
        return Conv(
            self.num_classes,
            1,
            kernel_init="normal0.01",
            style=self.style,
            name="score",
        )(x)
