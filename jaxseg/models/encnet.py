"""EncNet: context encoding on any backbone (arXiv 1803.08904)."""

from flax import linen as nn

from jaxseg.heads.encoding import EncHead
from jaxseg.heads.fcn import FCNHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.nn.block_config import BlockConfig


def encnet(
    num_classes: int,
    backbone: nn.Module,
    *,
    features: int = 512,
    codewords: int = 32,
    aux: bool = True,
    align_corners: bool = True,
    style: BlockConfig = BlockConfig(),
) -> EncoderDecoder:
    """Puts context encoding on a backbone with c4 and c5 (arXiv 1803.08904).

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps, named after their stages,
        such as "c4" and "c5".
      features: Number of channels of the head.
      codewords: Number of codewords.
      aux: Whether an auxiliary FCN head reads c4.
      align_corners: Whether the final resizing aligns corners.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    head = EncHead(num_classes, features, codewords, kernel=3, style=style)
    aux_head = None
    if aux:
        aux_head = FCNHead(num_classes, tap=None, style=style, channel_dropout=True)
    return EncoderDecoder(backbone, head, aux_head, align_corners=align_corners)
