"""DeepLab v3's cascade: copies of the last residual block go deeper, at growing rates.

arXiv 1706.05587, section 3.2 (figure 3): block5 to block7 repeat block4; every block
but the last ends in a stride of 2, which becomes a rate beyond the output stride.
"""

from flax import linen as nn

from jaxseg.nn.block_config import Style
from jaxseg.nn.layers import Conv
from jaxseg.nn.residual import Bottleneck
from jaxseg.typing import Array, Pyramid


class CascadeHead(nn.Module):
    """`blocks` more blocks of three bottlenecks behind c5, then 1x1 scores.

    Block b (counted from 1) runs at 32 * 2^b / output_stride times `multi_grid`; at
    output strides above 32 the first blocks halve the map instead. A stride in a
    block's last unit equals taking every other pixel behind it, which is how it is done
    here.

    Attributes:
      blocks: 0 to 3 (block5, block6, block7).
      output_stride: 8 to 256; the backbone stands at the smaller of it and 32.
    """

    num_classes: int
    blocks: int = 3
    output_stride: int = 16
    multi_grid: tuple[int, ...] = (1, 2, 1)
    width: int = 64
    style: Style = Style()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        allowed = [8 * 2**i for i in range(3 + self.blocks)]
        if self.output_stride not in allowed:
            raise ValueError(
                f"output_stride {self.output_stride} is not possible with "
                f"{self.blocks} more blocks; allowed are {allowed}"
            )
        x, stride = pyramid["c5"], 32
        rate = max(1, 32 // self.output_stride)
        for block in range(5, 5 + self.blocks):
            stride *= 2
            if stride <= self.output_stride:
                x = x[:, ::2, ::2]
            else:
                rate *= 2
            for i, grid in enumerate(self.multi_grid):
                unit = Bottleneck(
                    8 * self.width,
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
