"""Dense upsampling convolution (arXiv 1702.08502, section 3.1).

For each feature pixel, the head predicts the scores of `cell` x `cell` pixels as
channels. It rearranges these channels into pixels and does not interpolate.
"""

from flax import linen as nn

from jaxseg.heads.aspp import ScoreSumHead
from jaxseg.nn.block_config import BlockConfig
from jaxseg.ops.shuffle import depth_to_space
from jaxseg.typing import Array, Pyramid


class DUCHead(nn.Module):
    """Predicts a block of cell x cell pixels for each feature pixel.

    Convolutions of 3x3, one for each atrous rate, are summed and give cell^2 scores per
    class as channels. These are rearranged into pixels.

    Attributes:
      num_classes: Number of classes.
      cell: Upsampling factor. The published configuration predicts at half resolution
        from output stride 8, with cell 4 and 16 scores per class. 8 gives full
        resolution.
      order: Which channel contains the score of class c at row i and column j of a
        cell: c * cell^2 + i * cell + j for "crd", as in the authors' release, or
        (i * cell + j) * num_classes + c for "dcr". A checkpoint fits only the order
        that it was trained with.
      rates: Atrous rates; (6, 12, 18, 24) in the release. A single rate gives the head
        that the paper describes.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    num_classes: int
    cell: int = 4
    order: str = "crd"
    rates: tuple[int, ...] = (6, 12, 18, 24)
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        scores = ScoreSumHead(
            self.num_classes * self.cell**2, self.rates, style=self.style, name="scores"
        )
        return depth_to_space(scores(pyramid, train=train), self.cell, self.order)
