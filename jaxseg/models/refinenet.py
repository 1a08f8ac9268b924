"""RefineNet on ResNet (Lin et al. 2016, arXiv 1611.06612), single-scale input."""

from functools import partial

from jaxseg.backbones.resnet import ResNet
from jaxseg.heads.refinenet import RefineNetHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.nn.block_config import Style


def refinenet_resnet(
    num_classes: int,
    *,
    depth: int = 101,
    stages: int = 4,
    width: int = 64,
    blocks: tuple[int, ...] | None = None,
    dropout: float = 0.5,
    align_corners: bool = True,
    style: Style = Style(),
) -> EncoderDecoder:
    """RefineNet over ResNet-50/101/152 (arXiv 1611.06612).

    `stages` of chained residual pooling: 4 in the released code, 2 in the paper's
    figure. `width` is the stem's channels, the decoder has 4 and 8 times as many.
    The released recipe freezes the encoder's normalization: `Style(norm="frozen")`.
    """
    backbone = ResNet(depth, width=width, blocks=blocks, style=style)
    head = RefineNetHead(num_classes, 4 * width, stages, dropout, align_corners, style)
    return EncoderDecoder(backbone, head, align_corners=align_corners)


refinenet_resnet50 = partial(refinenet_resnet, depth=50)
refinenet_resnet101 = partial(refinenet_resnet, depth=101)
refinenet_resnet152 = partial(refinenet_resnet, depth=152)
