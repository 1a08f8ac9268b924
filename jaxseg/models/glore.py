"""GloRe: graph-based global reasoning on a dilated ResNet (arXiv 1811.12814)."""

from jaxseg.backbones.resnet import ResNet
from jaxseg.heads.classifier import PixelHead
from jaxseg.heads.graph import GloReHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.nn.block_config import BlockConfig


def glore(
    num_classes: int,
    *,
    depth: int = 50,
    features: int = 512,
    states: int = 128,
    nodes: int = 64,
    units: int = 1,
    normalize: bool = True,
    relu_last: bool = False,
    style: BlockConfig = BlockConfig(),
    **trunk,
) -> EncoderDecoder:
    """Creates a ResNet with GloRe units at output stride 8 (arXiv 1811.12814).

    Differs: `normalize=True` divides the nodes by the number of pixels, which the unit
    of the paper does not. Without it, magnitudes change with the image size.

    Args:
      num_classes: Number of classes.
      depth: Depth of the ResNet.
      features: Number of channels of the map that the units read. The auxiliary head
        has half as many.
      states: See `jaxseg.nn.graph.GloReUnit`.
      nodes: See `jaxseg.nn.graph.GloReUnit`.
      units: Number of consecutive units.
      normalize: See `jaxseg.nn.graph.GloReUnit`.
      relu_last: See `jaxseg.nn.graph.GloReUnit`.
      style: See `BlockConfig`.
      **trunk: Further attributes of `ResNet`, such as `stem`.
    """
    head = GloReHead(
        num_classes, features, states, nodes, units, normalize, relu_last, style
    )
    return EncoderDecoder(
        ResNet(depth, 8, style=style, **trunk),
        head,
        PixelHead(num_classes, features // 2, style=style, channel_dropout=False),
    )
