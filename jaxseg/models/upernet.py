"""UPerNet: pyramid pooling and a feature pyramid (arXiv 1807.10221).

By default, the networks are those of MMSegmentation: ResNet-v1c, Swin or ConvNeXt at
output stride 32, 512 channels in the head and an auxiliary head on c4.
"""

from flax import linen as nn

from jaxseg.backbones.convnext import SIZES as CONVNEXTS
from jaxseg.backbones.convnext import ConvNeXt
from jaxseg.backbones.resnet import create_resnet
from jaxseg.backbones.resnet_variant import MMSEG, SMP
from jaxseg.backbones.swin import SIZES as SWINS
from jaxseg.backbones.swin import Swin
from jaxseg.heads.fcn import FCNHead
from jaxseg.heads.upernet import LEVELS, UPerNetHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.models.options import split_options
from jaxseg.nn.block_config import BlockConfig
from jaxseg.text import one_of

VARIANTS = ("mmseg", "smp")


def upernet(
    num_classes: int,
    backbone: nn.Module,
    *,
    variant: str = "mmseg",
    features: int | None = None,
    aux: bool | None = None,
    aux_tap: str = "c4",
    style: BlockConfig = BlockConfig(),
    **options,
) -> EncoderDecoder:
    """Puts the head of UPerNet on a backbone with c2 to c5 (arXiv 1807.10221).

    The auxiliary loss has weight 0.4.

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps, named after their stages,
        such as "c4" and "c5".
      variant: "mmseg" for the head of MMSegmentation, or "smp" for that of
        segmentation_models.pytorch. The latter normalizes each level, has neither
        dropout nor an auxiliary head, and aligns corners when it resizes the logits.
      features: Number of channels of the head; None takes 512 for "mmseg" and 256 for
        "smp".
      aux: Whether there is an auxiliary head with 256 channels. None means True for
        "mmseg" and False for "smp".
      aux_tap: The level that the auxiliary head reads. MMSegmentation's networks on ViT
        have it on "c5".
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Attributes of `UPerNetHead`: `bins`, `dropout` and `align_corners`. The
        last one also applies to the resizing of the logits to the image.

    Raises:
      ValueError: If the variant or the level of the auxiliary head is unknown.
    """
    if variant not in VARIANTS:
        raise ValueError(f"variant={variant!r} is invalid: expected 'mmseg' or 'smp'.")
    if aux_tap not in LEVELS:
        raise ValueError(f"aux_tap={aux_tap!r} is invalid{one_of(aux_tap, LEVELS)}")
    smp = variant == "smp"
    options = {"dropout": 0.0, **options} if smp else options
    head = UPerNetHead(
        num_classes,
        features or (256 if smp else 512),
        input_norms=smp,
        style=style,
        **options,
    )
    aux_head = None
    if aux or (aux is None and not smp):
        aux_head = FCNHead(
            num_classes, 256, tap=None, style=style, channel_dropout=True
        )
    return EncoderDecoder(
        backbone,
        head,
        aux_head,
        aux_tap=aux_tap,
        align_corners=smp or head.align_corners,
    )


def upernet_resnet(
    num_classes: int,
    *,
    depth: int = 50,
    output_stride: int = 32,
    variant: str = "mmseg",
    style: BlockConfig = BlockConfig(),
    **options,
) -> EncoderDecoder:
    """Creates UPerNet on a ResNet (arXiv 1807.10221).

    Args:
      num_classes: Number of classes.
      depth: 18, 34, 50, 101 or 152.
      output_stride: 4, 8, 16 or 32.
      variant: "mmseg" or "smp", the library whose network is built; see `upernet`. The
        ResNet also follows this library, for example in its stem and its atrous rates.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Options of `create_resnet` and of `upernet`.
    """
    trunk, rest = split_options(options)
    trunk = {"variant": SMP if variant == "smp" else MMSEG, **trunk}
    backbone = create_resnet(depth, output_stride, style=style, **trunk)
    return upernet(num_classes, backbone, variant=variant, style=style, **rest)


def upernet_convnext(
    num_classes: int,
    *,
    size: str,
    output_stride: int = 32,
    variant: str = "mmseg",
    style: BlockConfig = BlockConfig(),
    **options,
) -> EncoderDecoder:
    """Creates UPerNet on a ConvNeXt (arXiv 2201.03545, section 4.2).

    The factors that scale the residual branches start at 1, as in the authors'
    segmentation networks.

    Args:
      num_classes: Number of classes.
      size: "convnext_t", "convnext_s", "convnext_b" or "convnext_l".
      output_stride: 4, 8, 16 or 32.
      variant: "mmseg" or "smp", the library whose head is built, see `upernet`.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Attributes of `ConvNeXt`, such as `drop_path`, and options of
        `upernet`.
    """
    channels, blocks = CONVNEXTS[size]
    trunk, rest = split_options(options, ConvNeXt)
    trunk = {"channels": channels, "blocks": blocks, "layer_scale": 1.0, **trunk}
    backbone = ConvNeXt(output_stride=output_stride, style=style, **trunk)
    return upernet(num_classes, backbone, variant=variant, style=style, **rest)


def upernet_swin(
    num_classes: int,
    *,
    size: str,
    variant: str = "mmseg",
    style: BlockConfig = BlockConfig(),
    **options,
) -> EncoderDecoder:
    """Creates UPerNet on a Swin Transformer (arXiv 2103.14030, section 4.3).

    Args:
      num_classes: Number of classes.
      size: "swin_t", "swin_s" or "swin_b".
      variant: "mmseg" or "smp", the library whose head is built, see `upernet`.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Attributes of `Swin`, such as `drop_path`, and options of `upernet`.
    """
    width, blocks, heads = SWINS[size]
    trunk, rest = split_options(options, Swin)
    trunk = {"width": width, "blocks": blocks, "heads": heads, **trunk}
    backbone = Swin(style=style, **trunk)
    return upernet(num_classes, backbone, variant=variant, style=style, **rest)
