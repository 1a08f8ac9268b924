"""Graph convolutional units on a dilated ResNet: "Beyond Grids".

References:
  Li and Gupta, NeurIPS 2018 (no arXiv entry).
"""

from flax import linen as nn

from jaxseg.backbones.resnet import create_resnet
from jaxseg.heads.classifier import PixelHead
from jaxseg.heads.graph import GraphUnitHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.models.options import split_options
from jaxseg.nn.block_config import BlockConfig


def gcu(
    num_classes: int,
    backbone: nn.Module,
    *,
    features: int = 512,
    vertices: tuple[int, ...] = (2, 4, 8, 32),
    unit_features: int = 256,
    style: BlockConfig = BlockConfig(),
) -> EncoderDecoder:
    """Puts parallel graph units on a backbone (Li and Gupta, NeurIPS 2018).

    The units read c5, and an auxiliary head reads c4.

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps, named after their stages,
        such as "c4" and "c5".
      features: Number of channels of the map that the units read. The auxiliary head
        has half as many.
      vertices: Number of graph nodes of each unit.
      unit_features: Number of output channels of each unit.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    return EncoderDecoder(
        backbone,
        GraphUnitHead(
            num_classes,
            features=features,
            vertices=vertices,
            unit_features=unit_features,
            style=style,
        ),
        PixelHead(num_classes, features // 2, style=style),
    )


def gcu_resnet(
    num_classes: int,
    *,
    depth: int = 50,
    style: BlockConfig = BlockConfig(),
    **options,
) -> EncoderDecoder:
    """Creates a ResNet with parallel graph units (Li and Gupta, NeurIPS 2018).

    The output stride is 8.

    Args:
      num_classes: Number of classes.
      depth: Depth of the ResNet.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Options of `create_resnet` and of `gcu`.
    """
    trunk, rest = split_options(options)
    backbone = create_resnet(depth, 8, style=style, **trunk)
    return gcu(num_classes, backbone, style=style, **rest)
