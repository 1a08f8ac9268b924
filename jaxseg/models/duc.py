"""HDC and DUC (arXiv 1702.08502): hybrid rates in the backbone, sub-pixel scores."""

from functools import partial

from jaxseg.backbones.hdc import HDCResNet
from jaxseg.heads.duc import DUCHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.nn.block_config import Style


def duc_hdc_resnet(
    num_classes: int,
    *,
    depth: int = 101,
    output_stride: int = 8,
    plan: str = "bigger",
    unit_rates: tuple[tuple[int, ...], tuple[int, ...]] | None = None,
    rates: tuple[int, ...] = (6, 12, 18, 24),
    cell: int = 4,
    order: str = "crd",
    width: int = 64,
    blocks: tuple[int, ...] | None = None,
    pool_padding: int = 1,
    style: Style = Style(),
) -> EncoderDecoder:
    """HDC-DUC on ResNet (arXiv 1702.08502), scores at half the image's resolution.

    `plan` or `unit_rates` set the backbone's rates (`jaxseg.backbones.hdc`), `rates`
    the head's, `cell` its upsampling (4 is the published configuration, 8 the full
    resolution), `order` its channel order (`jaxseg.heads.duc`). The plan of the release
    is "release".

    `pool_padding` is that of the max pooling: 0 in the release, whose maps are smaller
    than the image over the stride. The release's normalization is
    `style=Style("frozen", momentum=0.9995, epsilon=1e-6)`.

    Differs: half-resolution scores are then resized bilinearly to the image; the max
    pooling is padded by one pixel; the normalization's epsilon is 1e-5.
    """
    backbone = HDCResNet(
        depth, output_stride, plan, unit_rates, width, blocks, style, pool_padding
    )
    return EncoderDecoder(
        backbone, DUCHead(num_classes, cell, order, rates, style=style)
    )


duc_hdc_resnet50 = partial(duc_hdc_resnet, depth=50)
duc_hdc_resnet101 = partial(duc_hdc_resnet, depth=101)
