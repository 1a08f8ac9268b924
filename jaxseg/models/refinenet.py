"""RefineNet on a ResNet (Lin et al. 2016, arXiv 1611.06612), for one input scale."""

from functools import partial

from jaxseg.backbones.resnet import ResNet
from jaxseg.heads.refinenet import RefineNetHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.nn.block_config import BlockConfig


def refinenet_resnet(
    num_classes: int,
    *,
    depth: int = 101,
    stages: int = 4,
    width: int = 64,
    blocks: tuple[int, ...] | None = None,
    dropout: float = 0.5,
    align_corners: bool = True,
    style: BlockConfig = BlockConfig(),
) -> EncoderDecoder:
    """Creates RefineNet on ResNet-50, 101 or 152 (arXiv 1611.06612).

    The released recipe freezes the normalization of the encoder:
    `BlockConfig(norm="frozen")`.

    Args:
      num_classes: Number of classes.
      depth: Depth of the ResNet.
      stages: Number of stages of chained residual pooling: 4 in the released code, 2 in
        the figure of the paper.
      width: Number of channels of the stem. The decoder has 4 and 8 times as many.
      blocks: Number of units of each stage of the ResNet; None takes those of the
        depth.
      dropout: Dropout rate.
      align_corners: Whether all upsampling aligns corners.
      style: See `BlockConfig`.
    """
    backbone = ResNet(depth, width=width, blocks=blocks, style=style)
    head = RefineNetHead(num_classes, 4 * width, stages, dropout, align_corners, style)
    return EncoderDecoder(backbone, head, align_corners=align_corners)


refinenet_resnet50 = partial(refinenet_resnet, depth=50)
refinenet_resnet101 = partial(refinenet_resnet, depth=101)
refinenet_resnet152 = partial(refinenet_resnet, depth=152)
