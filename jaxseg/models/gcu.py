"""Graph convolutional units on a dilated ResNet: "Beyond Grids".

References:
  Li and Gupta, NeurIPS 2018 (no arXiv entry).
"""

from jaxseg.backbones.resnet import ResNet
from jaxseg.heads.classifier import PixelHead
from jaxseg.heads.graph import GraphUnitHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.nn.block_config import BlockConfig


def gcu(
    num_classes: int,
    *,
    depth: int = 50,
    features: int = 512,
    vertices: tuple[int, ...] = (2, 4, 8, 32),
    unit_features: int = 256,
    style: BlockConfig = BlockConfig(),
    **trunk,
) -> EncoderDecoder:
    """Creates a ResNet with parallel graph units (Li and Gupta, NeurIPS 2018).

    The output stride is 8.

    Args:
      num_classes: Number of classes.
      depth: Depth of the ResNet.
      features: Number of channels of the map that the units read. The auxiliary head
        has half as many.
      vertices: Number of anchors of each unit.
      unit_features: Number of output channels of each unit.
      style: See `BlockConfig`.
      **trunk: Further attributes of `ResNet`, such as `stem`.
    """
    return EncoderDecoder(
        ResNet(depth, 8, style=style, **trunk),
        GraphUnitHead(num_classes, features, vertices, unit_features, style),
        PixelHead(num_classes, features // 2, style=style),
    )
