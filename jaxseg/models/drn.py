"""Segmentation networks on DRN (arXiv 1705.09914): a 1x1 classifier on the backbone.

Differs: logits are resized bilinearly, and values at the border are repeated. The
release has a fixed transposed convolution, whose result fades to zero within four
pixels of the border. All other pixels have equal values in both.
"""

from functools import partial

from jaxseg.backbones.drn import DRN, DRNA
from jaxseg.heads.aspp import ScoreSumHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.nn.block_config import BlockConfig


def drn(
    num_classes: int,
    *,
    variant: str = "d22",
    output_stride: int = 8,
    width: int = 16,
    style: BlockConfig = BlockConfig(),
) -> EncoderDecoder:
    """Creates DRN-C or DRN-D (arXiv 1705.09914).

    Args:
      num_classes: Number of classes.
      variant: The name of the backbone, such as "c26" or "d105", see `DRN`.
      output_stride: 8, 4, 2 or 1.
      width: Number of channels of level 1, which is 16 except in tests.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    return EncoderDecoder(
        DRN(variant, output_stride=output_stride, width=width, style=style),
        ScoreSumHead(num_classes, (), style=style),
    )


def drn_a50(
    num_classes: int,
    *,
    depth: int = 50,
    output_stride: int = 8,
    width: int = 64,
    style: BlockConfig = BlockConfig(),
) -> EncoderDecoder:
    """Creates DRN-A (arXiv 1705.09914): ResNet with rates 2 and 4 and with max pooling.

    Args:
      num_classes: Number of classes.
      depth: Depth of the ResNet: 18, 34, 50 or 101.
      output_stride: 8 (the paper), 16 or 32.
      width: Number of channels of the first stage of the ResNet.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    return EncoderDecoder(
        DRNA(depth, output_stride=output_stride, width=width, style=style),
        ScoreSumHead(num_classes, (), style=style),
    )


drn_c26 = partial(drn, variant="c26")
drn_c42 = partial(drn, variant="c42")
drn_c58 = partial(drn, variant="c58")
drn_d22 = partial(drn, variant="d22")
drn_d24 = partial(drn, variant="d24")
drn_d38 = partial(drn, variant="d38")
drn_d40 = partial(drn, variant="d40")
drn_d54 = partial(drn, variant="d54")
drn_d56 = partial(drn, variant="d56")
drn_d105 = partial(drn, variant="d105")
drn_d107 = partial(drn, variant="d107")
