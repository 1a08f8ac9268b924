"""A linear head on a backbone, as DINOv2 and DINOv3 are evaluated.

The protocol is that of arXiv 2304.07193 and arXiv 2508.10104.
"""

from collections.abc import Callable
from functools import partial

from flax import linen as nn

from jaxseg.backbones.dinov2 import SIZES as DINOV2
from jaxseg.backbones.dinov2 import dinov2
from jaxseg.backbones.dinov3 import SIZES as DINOV3
from jaxseg.backbones.dinov3 import dinov3
from jaxseg.heads.linear import LinearHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.nn.block_config import BlockConfig

LEVELS = ("c2", "c3", "c4", "c5")


def linear(
    num_classes: int,
    backbone: nn.Module,
    *,
    levels: tuple[str, ...] = ("c5",),
    dropout: float = 0.0,
    style: BlockConfig = BlockConfig(),
) -> EncoderDecoder:
    """Puts a batch normalization and a 1x1 convolution on a backbone with c5.

    This measures how well features separate the classes (arXiv 2304.07193, section
    7.4). For this measurement, freeze the backbone with the option `optim.freeze`.

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps, named after their stages,
        such as "c4" and "c5".
      levels: The levels that the head reads. The authors' second protocol concatenates
        the last four layers of a ViT: `levels=("c2", "c3", "c4", "c5")` on a backbone
        with the option `taps=(8, 9, 10, 11)`.
      dropout: Dropout rate before the classifier; it drops whole channels.
      style: Settings of normalization and dtype, see `BlockConfig`.

    Raises:
      ValueError: If a level is unknown.
    """
    if not levels or set(levels) - set(LEVELS):
        raise ValueError(
            f"levels={levels} is invalid: expected some of {', '.join(LEVELS)}."
        )
    head = LinearHead(num_classes, tuple(levels), dropout=dropout, style=style)
    return EncoderDecoder(backbone, head)


def linear_dinov2(
    num_classes: int,
    *,
    size: str,
    registers: int = 0,
    levels: tuple[str, ...] = ("c5",),
    dropout: float = 0.0,
    style: BlockConfig = BlockConfig(),
    **options,
) -> EncoderDecoder:
    """Creates a linear head on a vision transformer of DINOv2 (arXiv 2304.07193).

    Args:
      num_classes: Number of classes.
      size: "vits14", "vitb14" or "vitl14".
      registers: Number of register tokens, 0 or 4 in the published networks.
      levels: The pyramid levels that the head concatenates, such as ("c5",).
      dropout: Dropout rate before the classifier; it drops whole channels.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Options of `dinov2`, such as `taps` and `image_size`.

    Raises:
      ValueError: If an option has a value that is not allowed.
    """
    backbone = dinov2(size, registers=registers, style=style, **options)
    return linear(num_classes, backbone, levels=levels, dropout=dropout, style=style)


def linear_dinov3(
    num_classes: int,
    *,
    size: str,
    levels: tuple[str, ...] = ("c5",),
    dropout: float = 0.0,
    style: BlockConfig = BlockConfig(),
    **options,
) -> EncoderDecoder:
    """Creates a linear head on a vision transformer of DINOv3 (arXiv 2508.10104).

    Args:
      num_classes: Number of classes.
      size: "vits16", "vits16plus", "vitb16" or "vitl16".
      levels: The pyramid levels that the head concatenates, such as ("c5",).
      dropout: Dropout rate before the classifier; it drops whole channels.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Options of `dinov3`, such as `taps` and `drop_path`.

    Raises:
      ValueError: If an option has a value that is not allowed.
    """
    backbone = dinov3(size, style=style, **options)
    return linear(num_classes, backbone, levels=levels, dropout=dropout, style=style)


PRESETS: dict[str, Callable[..., EncoderDecoder]] = {
    **{
        f"linear_dinov2_{size}{suffix}": partial(
            linear_dinov2, size=size, registers=registers
        )
        for suffix, registers in (("", 0), ("_reg", 4))
        for size in DINOV2
    },
    **{f"linear_dinov3_{size}": partial(linear_dinov3, size=size) for size in DINOV3},
}
