"""SegFormer: a Mix Transformer with a head of linear layers (arXiv 2105.15203)."""

from functools import partial

from flax import linen as nn

from jaxseg.backbones.mit import SIZES, MixTransformer
from jaxseg.heads.segformer import VARIANTS, SegFormerHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.nn.block_config import BlockConfig

_WIDE = ("mit_b2", "mit_b3", "mit_b4", "mit_b5")


def segformer(
    num_classes: int,
    backbone: nn.Module,
    *,
    features: int = 256,
    variant: str = "author",
    dropout: float = 0.1,
    align_corners: bool = False,
    style: BlockConfig = BlockConfig(),
) -> EncoderDecoder:
    """Puts the head of SegFormer on a backbone with c2 to c5 (arXiv 2105.15203).

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps, named after their stages,
        such as "c4" and "c5".
      features: Number of channels of the projected levels and of their fusion.
      variant: "author", or "mmseg" for MMSegmentation's head, which also normalizes the
        projection of each level.
      dropout: Dropout rate before the classifier.
      align_corners: Whether the logits are resized to the image with aligned corners,
        as in segmentation_models.pytorch.
      style: Settings of normalization and dtype, see `BlockConfig`.

    Raises:
      ValueError: If the variant is unknown.
    """
    if variant not in VARIANTS:
        raise ValueError(
            f"variant={variant!r} is invalid: expected 'author' or 'mmseg'."
        )
    head = SegFormerHead(
        num_classes, features, variant=variant, dropout=dropout, style=style
    )
    return EncoderDecoder(backbone, head, align_corners=align_corners)


def segformer_mit(
    num_classes: int,
    *,
    size: str,
    variant: str = "author",
    features: int | None = None,
    dropout: float = 0.1,
    align_corners: bool = False,
    style: BlockConfig = BlockConfig(),
    **options,
) -> EncoderDecoder:
    """Creates SegFormer-B0 to B5 (arXiv 2105.15203, table 1).

    Args:
      num_classes: Number of classes.
      size: "mit_b0" to "mit_b5".
      variant: "author", or "mmseg" for MMSegmentation's head and backbone, whose
        parameters have other names and shapes.
      features: Number of channels of the projected levels and of their fusion; None
        takes the number for this size and variant.
      dropout: Dropout rate before the classifier.
      align_corners: Whether the logits are resized to the image with aligned corners.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Attributes of `MixTransformer`, such as `drop_path`.

    Raises:
      ValueError: If the variant is unknown.
    """
    if variant == "mmseg":
        options = {"joint": True, "epsilon": 1e-6, **options}
    channels, blocks = SIZES[size]
    options = {"channels": channels, "blocks": blocks, **options}
    wide = variant == "author" and size in _WIDE
    return segformer(
        num_classes,
        MixTransformer(style=style, **options),
        features=features or (768 if wide else 256),
        variant=variant,
        dropout=dropout,
        align_corners=align_corners,
        style=style,
    )


segformer_b0 = partial(segformer_mit, size="mit_b0")
segformer_b1 = partial(segformer_mit, size="mit_b1")
segformer_b2 = partial(segformer_mit, size="mit_b2")
segformer_b3 = partial(segformer_mit, size="mit_b3")
segformer_b4 = partial(segformer_mit, size="mit_b4")
segformer_b5 = partial(segformer_mit, size="mit_b5")
