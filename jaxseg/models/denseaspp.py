"""DenseASPP (Yang et al., CVPR 2018) on DenseNet with the last poolings left out.

Faithful to the authors' release, whose table the branch widths come from.
"""

from functools import partial

from jaxseg.backbones.densenet import DenseNet
from jaxseg.heads.dense_aspp import DenseASPPHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.nn.block_config import Style

_WIDTHS = {121: (128, 64), 161: (512, 128), 169: (336, 168), 201: (480, 240)}


def denseaspp_densenet(
    num_classes: int,
    *,
    depth: int = 121,
    output_stride: int = 8,
    rates: tuple[int, ...] = (3, 6, 12, 18, 24),
    pooling: str = "drop",
    widths: tuple[int, int] | None = None,
    layers: tuple[int, ...] | None = None,
    growth: int | None = None,
    first: int | None = None,
    style: Style = Style(),
) -> EncoderDecoder:
    """DenseASPP on DenseNet-121, 161, 169 or 201 (Yang et al., CVPR 2018).

    `widths` are the branches' reduced and new channels. `pooling="atrous"` keeps the
    poolings, at the running rate, where their stride is dropped.
    """
    backbone = DenseNet(
        depth,
        output_stride,
        pooling,
        last_transition=True,
        relu=False,
        layers=layers,
        growth=growth,
        first=first,
        style=style,
    )
    reduced, features = widths or _WIDTHS[depth]
    head = DenseASPPHead(num_classes, reduced, features, rates, style=style)
    return EncoderDecoder(backbone, head)


denseaspp_densenet121 = partial(denseaspp_densenet, depth=121)
denseaspp_densenet161 = partial(denseaspp_densenet, depth=161)
denseaspp_densenet169 = partial(denseaspp_densenet, depth=169)
denseaspp_densenet201 = partial(denseaspp_densenet, depth=201)
