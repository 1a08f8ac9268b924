"""GloRe, graph-based global reasoning on a dilated ResNet (arXiv 1811.12814)."""

from jaxseg.backbones.resnet import ResNet
from jaxseg.heads.classifier import PixelHead
from jaxseg.heads.graph import GloReHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.nn.block_config import Style


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
    style: Style = Style(),
    **trunk,
) -> EncoderDecoder:
    """Dilated ResNet, stride 8, with GloRe units (arXiv 1811.12814).

    Differs: `normalize=True` divides the nodes by the number of pixels, which the
    paper's unit does not: without it a network meets other magnitudes at another image
    size.

    Args:
      num_classes: K.
      depth: of the ResNet.
      features: of the map the units work on; the auxiliary head has half as many.
      states, nodes, normalize, relu_last: see `jaxseg.nn.graph.GloReUnit`.
      units: how many follow one another.
      style: normalization, number format.
      **trunk: further fields of `ResNet`, such as `stem`.
    """
    head = GloReHead(
        num_classes, features, states, nodes, units, normalize, relu_last, style
    )
    return EncoderDecoder(
        ResNet(depth, 8, style=style, **trunk),
        head,
        PixelHead(num_classes, features // 2, style=style, channel_dropout=False),
    )
