"""GloRe: graph-based global reasoning on a dilated ResNet (arXiv 1811.12814)."""

from flax import linen as nn

from jaxseg.backbones.resnet import create_resnet
from jaxseg.heads.classifier import PixelHead
from jaxseg.heads.graph import GloReHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.models.options import split_options
from jaxseg.nn.block_config import BlockConfig


def glore(
    num_classes: int,
    backbone: nn.Module,
    *,
    features: int = 512,
    states: int = 128,
    nodes: int = 64,
    units: int = 1,
    normalize: bool = True,
    relu_last: bool = False,
    style: BlockConfig = BlockConfig(),
) -> EncoderDecoder:
    """Puts GloRe units on a backbone with c4 and c5 (arXiv 1811.12814).

    Differs: the nodes are divided by the number of pixels, so that their magnitude does
      not depend on the image size. `normalize=False` omits the division, as in the
      paper.

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps, named after their stages,
        such as "c4" and "c5".
      features: Number of channels of the map that the units read. The auxiliary head
        has half as many.
      states: Number of channels of a graph node.
      nodes: Number of graph nodes of each unit.
      units: Number of consecutive units.
      normalize: Whether to divide the nodes by the number of pixels.
      relu_last: Whether ReLU follows the weights of the graph convolution, as in
        PaddleSeg, or precedes them.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    head = GloReHead(
        num_classes,
        features=features,
        states=states,
        nodes=nodes,
        units=units,
        normalize=normalize,
        relu_last=relu_last,
        style=style,
    )
    return EncoderDecoder(
        backbone,
        head,
        PixelHead(num_classes, features // 2, style=style, channel_dropout=False),
    )


def glore_resnet(
    num_classes: int,
    *,
    depth: int = 50,
    style: BlockConfig = BlockConfig(),
    **options,
) -> EncoderDecoder:
    """Creates a ResNet with GloRe units at output stride 8 (arXiv 1811.12814).

    Args:
      num_classes: Number of classes.
      depth: Depth of the ResNet.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Options of `create_resnet` and of `glore`.
    """
    trunk, rest = split_options(options)
    backbone = create_resnet(depth, 8, style=style, **trunk)
    return glore(num_classes, backbone, style=style, **rest)
