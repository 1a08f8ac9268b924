"""Hybrid dilated and dense upsampling convolution: HDC, DUC (arXiv 1702.08502)."""

from functools import partial

from flax import linen as nn

from jaxseg.backbones.hdc import HDCResNet
from jaxseg.heads.duc import DUCHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.nn.block_config import BlockConfig


def duc(
    num_classes: int,
    backbone: nn.Module,
    *,
    rates: tuple[int, ...] = (6, 12, 18, 24),
    cell: int = 4,
    order: str = "crd",
    style: BlockConfig = BlockConfig(),
) -> EncoderDecoder:
    """Puts dense upsampling convolution on a backbone with c5 (arXiv 1702.08502).

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps, named after their stages,
        such as "c4" and "c5".
      rates: Atrous rates of the head.
      cell: Upsampling factor of the head.
      order: Channel order of the head, "crd" or "dcr", see `DUCHead`.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    return EncoderDecoder(
        backbone, DUCHead(num_classes, cell=cell, order=order, rates=rates, style=style)
    )


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
    style: BlockConfig = BlockConfig(),
) -> EncoderDecoder:
    """Creates HDC-DUC on a ResNet (arXiv 1702.08502).

    The release corresponds to `plan="release"` and `style=BlockConfig("frozen",
    momentum=0.9995, epsilon=1e-6)`.

    Args:
      num_classes: Number of classes.
      depth: Depth of the ResNet.
      output_stride: 8, 16 or 32.
      plan: Rates of the backbone: "none", "uniform", "conv", "rf", "bigger" or
        "release", see `jaxseg.backbones.hdc.hdc_rates`.
      unit_rates: Rates of the backbone in place of a plan, see `HDCResNet`.
      rates: Atrous rates of the head.
      cell: Upsampling factor of the head: 4 in the published configuration, which
        predicts at half resolution, or 8 for full resolution.
      order: Channel order of the head, "crd" or "dcr", see `DUCHead`.
      width: Number of channels of the first stage of the ResNet.
      blocks: Number of units of each stage of the ResNet; None takes those of the
        depth.
      pool_padding: Padding of the max pooling. It is 0 in the release, so that its maps
        are smaller than the image size divided by the stride.
      style: Settings of normalization and dtype, see `BlockConfig`.

    Differs: scores at half resolution are resized bilinearly to the image, the max
    pooling is padded by one pixel, and the epsilon of the normalization is 1e-5.
    """
    backbone = HDCResNet(
        depth,
        output_stride,
        plan=plan,
        rates=unit_rates,
        width=width,
        blocks=blocks,
        style=style,
        pool_padding=pool_padding,
    )
    return duc(num_classes, backbone, rates=rates, cell=cell, order=order, style=style)


duc_hdc_resnet50 = partial(duc_hdc_resnet, depth=50)
duc_hdc_resnet101 = partial(duc_hdc_resnet, depth=101)
