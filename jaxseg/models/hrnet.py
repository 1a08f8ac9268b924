"""HRNetV2 for segmentation (arXiv 1904.04514, 1908.07919).

Differs: the authors' batch norms have a momentum of 0.01, which is
`BlockConfig(momentum=0.99)`.
"""

from flax import linen as nn

from jaxseg.backbones.hrnet import SMALL, HRNet
from jaxseg.heads.high_resolution import HighResolutionHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.nn.block_config import BlockConfig
from jaxseg.text import one_of


def hrnetv2(
    num_classes: int,
    backbone: nn.Module,
    *,
    align_corners: bool = False,
    head_kernel: int = 1,
    head_bias: bool = True,
    style: BlockConfig = BlockConfig(),
) -> EncoderDecoder:
    """Puts the concatenation head of HRNetV2 on a backbone with c2 to c5.

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps, named after their stages,
        such as "c4" and "c5".
      align_corners: Whether the head and the final resizing align corners.
      head_kernel: Kernel size of the head: 1 for the authors and MMSegmentation.
      head_bias: Whether the head has a bias: True for the authors, False for
        MMSegmentation.
      style: Settings of normalization and dtype, see `BlockConfig`.

    References:
      arXiv 1904.04514.
    """
    head = HighResolutionHead(
        num_classes,
        kernel=head_kernel,
        bias=head_bias,
        align_corners=align_corners,
        style=style,
    )
    return EncoderDecoder(backbone, head, align_corners=align_corners)


def hrnet(
    num_classes: int,
    *,
    width: int = 48,
    align_corners: bool = False,
    head_kernel: int = 1,
    head_bias: bool = True,
    style: BlockConfig = BlockConfig(),
    **trunk,
) -> EncoderDecoder:
    """Creates HRNetV2 with its concatenation head (arXiv 1904.04514).

    Args:
      num_classes: Number of classes.
      width: C, the number of channels of the finest branch: 18, 32 or 48.
      align_corners: Whether all upsampling aligns corners: False in the paper's code,
        True in the git branch HRNet-OCR of that code. For a published checkpoint, use
        the value with which it was trained.
      head_kernel: Kernel size of the head: 1 for the authors and MMSegmentation.
      head_bias: Whether the head has a bias: True for the authors, False for
        MMSegmentation.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **trunk: Further attributes of `HRNet`.
    """
    return hrnetv2(
        num_classes,
        HRNet(width, align_corners=align_corners, style=style, **trunk),
        align_corners=align_corners,
        head_kernel=head_kernel,
        head_bias=head_bias,
        style=style,
    )


def hrnet_small(num_classes: int, *, version: str = "small_v1", **options):
    """Creates the authors' small HRNetV2, "small_v1" or "small_v2" (arXiv 1904.04514).

    Args:
      num_classes: Number of classes.
      version: "small_v1" or "small_v2".
      **options: Options of `hrnet` that replace those of the version.

    Raises:
      ValueError: If the version is unknown.
    """
    if version not in SMALL:
        raise ValueError(
            f"version={version!r} is invalid{one_of(version, sorted(SMALL))}"
        )
    return hrnet(num_classes, **{**SMALL[version], **options})
