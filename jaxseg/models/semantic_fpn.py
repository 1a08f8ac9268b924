"""Semantic FPN: a feature pyramid whose levels are added (arXiv 1901.02446)."""

from flax import linen as nn

from jaxseg.backbones.resnet import create_resnet
from jaxseg.backbones.resnet_variant import MMSEG, SMP
from jaxseg.heads.semantic_fpn import VARIANTS, SemanticFPNHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.models.options import split_options
from jaxseg.nn.block_config import BlockConfig


def semantic_fpn(
    num_classes: int,
    backbone: nn.Module,
    *,
    variant: str = "mmseg",
    dropout: float | None = None,
    style: BlockConfig = BlockConfig(),
    **options,
) -> EncoderDecoder:
    """Puts the head of Semantic FPN on a backbone with c2 to c5 (arXiv 1901.02446).

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps, named after their stages,
        such as "c4" and "c5".
      variant: "mmseg" for the head of MMSegmentation, or "smp" for that of
        segmentation_models.pytorch, see `jaxseg.heads.semantic_fpn`.
      dropout: Dropout rate before the classifier; None takes 0.1 for "mmseg" and 0.2
        for "smp".
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Attributes of `SemanticFPNHead`: `pyramid_features` and `features`.

    Raises:
      ValueError: If the variant is unknown.
    """
    if variant not in VARIANTS:
        raise ValueError(f"variant={variant!r} is invalid: expected 'mmseg' or 'smp'.")
    smp = variant == "smp"
    if dropout is None:
        dropout = 0.2 if smp else 0.1
    head = SemanticFPNHead(
        num_classes, variant=variant, dropout=dropout, style=style, **options
    )
    return EncoderDecoder(backbone, head, align_corners=smp)


def semantic_fpn_resnet(
    num_classes: int,
    *,
    depth: int = 50,
    output_stride: int = 32,
    variant: str = "mmseg",
    style: BlockConfig = BlockConfig(),
    **options,
) -> EncoderDecoder:
    """Creates Semantic FPN on a ResNet (arXiv 1901.02446).

    Args:
      num_classes: Number of classes.
      depth: 18, 34, 50, 101 or 152.
      output_stride: 4, 8, 16 or 32.
      variant: The library whose network is built, see `semantic_fpn`. The ResNet
        follows this library, too, for example in its stem and its atrous rates.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Options of `create_resnet` and of `semantic_fpn`.
    """
    trunk, rest = split_options(options)
    trunk = {"variant": SMP if variant == "smp" else MMSEG, **trunk}
    backbone = create_resnet(depth, output_stride, style=style, **trunk)
    return semantic_fpn(num_classes, backbone, variant=variant, style=style, **rest)
