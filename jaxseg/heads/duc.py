"""Dense upsampling convolution (arXiv 1702.08502, section 3.1).

A head that predicts `cell` x `cell` sub-pixels per feature pixel and rearranges them,
instead of interpolating.
"""

from flax import linen as nn

from jaxseg.heads.aspp import ScoreSumHead
from jaxseg.nn.block_config import Style
from jaxseg.ops.shuffle import depth_to_space
from jaxseg.typing import Array, Pyramid


class DUCHead(nn.Module):
    """Summed atrous score convolutions to cell^2 scores per class, then depth to space.

    Attributes:
      cell: upsampling factor. The published configuration predicts at half resolution
        from stride 8: cell 4, 16 scores per class; 8 gives full resolution.
      order: "crd", class-major channels c * cell^2 + i * cell + j (the authors'
        release); "dcr", cell-major channels (i * cell + j) * num_classes + c. A
        checkpoint fits only the order it was trained with.
      rates: (6, 12, 18, 24) in the release; one rate is the plain head of the paper.
    """

    num_classes: int
    cell: int = 4
    order: str = "crd"
    rates: tuple[int, ...] = (6, 12, 18, 24)
    style: Style = Style()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        scores = ScoreSumHead(
            self.num_classes * self.cell**2, self.rates, style=self.style, name="scores"
        )
        return depth_to_space(scores(pyramid, train=train), self.cell, self.order)
