"""DPT: a vision transformer with a convolutional decoder (arXiv 2103.13413)."""

from functools import partial
from typing import Any

from flax import linen as nn

from jaxseg.backbones.vit import ViT, vit_pyramid
from jaxseg.heads.dpt import READOUTS, DPTHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.nn.block_config import BlockConfig
from jaxseg.typing import Size

VARIANTS = ("author", "mmseg", "smp")
# Name: (layers, channels, attention heads, channels of the resized maps).
SIZES = {
    "vitb16": (12, 768, 12, (96, 192, 384, 768)),
    "vitl16": (24, 1024, 16, (256, 512, 1024, 1024)),
}
_RESIZINGS = {"mmseg": "bicubic", "smp": "bicubic_antialias"}


def dpt(
    num_classes: int,
    backbone: nn.Module,
    *,
    features: int = 256,
    widths: tuple[int, ...] = (96, 192, 384, 768),
    readout: str = "ignore",
    variant: str = "author",
    dropout: float = 0.1,
    style: BlockConfig = BlockConfig(),
) -> EncoderDecoder:
    """Puts the decoder of DPT on a backbone with four maps of equal strides.

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps, named after their stages,
        such as "c4" and "c5".
      features: Number of channels of the fused maps.
      widths: Numbers of channels of the resized maps, from c2 to c5.
      readout: What happens to the class token of each layer: "ignore", "add" or
        "project", see `DPTHead`. The last two need a `ViT` with a class token.
      variant: The code that the decoder follows. "author" is the authors' code. "mmseg"
        is MMSegmentation, which resizes the logits to the image in one step. "smp" is
        segmentation_models.pytorch, where c5 passes two residual units.
      dropout: Dropout rate before the classifier.
      style: Settings of normalization and dtype, see `BlockConfig`.

    Raises:
      ValueError: If an option has a value that is not allowed.
    """
    for name, value, known in (
        ("variant", variant, VARIANTS),
        ("readout", readout, READOUTS),
    ):
        if value not in known:
            raise ValueError(
                f"{name}={value!r} is invalid: expected one of {', '.join(known)}."
            )
    if len(widths) != 4:
        raise ValueError(f"widths={widths} is invalid: expected four numbers.")
    if readout != "ignore":
        if not isinstance(backbone, ViT) or backbone.drop_class_token:
            raise ValueError(
                f"readout={readout!r} is invalid: expected 'ignore', because the "
                "backbone has no class token."
            )
        backbone = backbone.clone(class_maps=True)
    head = DPTHead(
        num_classes,
        features,
        widths=tuple(widths),
        readout=readout,
        enlarge=1 if variant == "mmseg" else 2,
        dropout=dropout,
        both_units=variant == "smp",
        style=style,
    )
    return EncoderDecoder(backbone, head)


def dpt_vit(
    num_classes: int,
    *,
    size: str = "vitb16",
    variant: str = "author",
    readout: str = "project",
    features: int = 256,
    widths: tuple[int, ...] | None = None,
    dropout: float = 0.1,
    image_size: Size = (384, 384),
    style: BlockConfig = BlockConfig(),
    **options,
) -> EncoderDecoder:
    """Creates DPT on a vision transformer, DPT-Base or DPT-Large (arXiv 2103.13413).

    Args:
      num_classes: Number of classes.
      size: "vitb16" or "vitl16".
      variant: The code that the network follows: "author", "mmseg" or "smp", see `dpt`.
        With "mmseg", the position embedding is resized bicubically, the patch embedding
        has no bias, and the normalizations have an epsilon of 1e-5. With "smp", the
        position embedding is resized bicubically with antialiasing, as in timm.
      readout: What happens to the class token of each layer: "ignore", "add" or
        "project", see `DPTHead`.
      features: Number of channels of the fused maps.
      widths: Numbers of channels of the resized maps, from c2 to c5; None takes those
        of the size.
      dropout: Dropout rate before the classifier.
      image_size: Image size for which the position embedding is made; 224 x 224 in
        MMSegmentation's configuration and in segmentation_models.pytorch's default.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Options of `vit_pyramid`, such as `taps`.

    Raises:
      ValueError: If an option has a value that is not allowed.
    """
    if size not in SIZES:
        raise ValueError(f"size={size!r} is invalid: expected one of {sorted(SIZES)}.")
    depth, width, heads, own = SIZES[size]
    mmseg = variant == "mmseg"
    defaults: dict[str, Any] = {
        "depth": depth,
        "width": width,
        "heads": heads,
        "patch_bias": not mmseg,
        "resizing": _RESIZINGS.get(variant, "bilinear"),
        "epsilon": 1e-5 if mmseg else 1e-6,
    }
    backbone = vit_pyramid(image_size=image_size, style=style, **defaults | options)
    return dpt(
        num_classes,
        backbone,
        features=features,
        widths=widths or own,
        readout=readout,
        variant=variant,
        dropout=dropout,
        style=style,
    )


dpt_vitb16 = partial(dpt_vit, size="vitb16")
dpt_vitl16 = partial(dpt_vit, size="vitl16")
