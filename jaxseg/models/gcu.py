"""Graph convolutional units on a dilated ResNet: "Beyond Grids".

Li and Gupta, NeurIPS 2018 (no arXiv entry).
"""

from jaxseg.backbones.resnet import ResNet
from jaxseg.heads.classifier import PixelHead
from jaxseg.heads.graph import GraphUnitHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.nn.block_config import Style


def gcu(
    num_classes: int,
    *,
    depth: int = 50,
    features: int = 512,
    vertices: tuple[int, ...] = (2, 4, 8, 32),
    unit_features: int = 256,
    style: Style = Style(),
    **trunk,
) -> EncoderDecoder:
    """Dilated ResNet, stride 8, with parallel graph units (Li and Gupta, NeurIPS 2018).

    Args:
      num_classes: K.
      depth: of the ResNet.
      features: of the map the units read; the auxiliary head has half as many.
      vertices: anchors of each unit.
      unit_features: channels that each unit returns.
      style: normalization, number format.
      **trunk: further fields of `ResNet`, such as `stem`.
    """
    return EncoderDecoder(
        ResNet(depth, 8, style=style, **trunk),
        GraphUnitHead(num_classes, features, vertices, unit_features, style),
        PixelHead(num_classes, features // 2, style=style),
    )
