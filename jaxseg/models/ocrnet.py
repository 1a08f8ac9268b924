"""OCRNet on HRNet or on a dilated ResNet (arXiv 1909.11065).

The region head predicts coarse logits, which define the soft object regions. They are
also the auxiliary output. Inference needs the region head as well.
"""

from flax import linen as nn

from jaxseg.backbones.hrnet import HRNet
from jaxseg.backbones.resnet import create_resnet
from jaxseg.backbones.resnet_variant import BETA
from jaxseg.heads.classifier import PixelHead
from jaxseg.heads.high_resolution import LEVELS, concat_levels
from jaxseg.heads.ocr import OCRHead
from jaxseg.models.compose import to_image
from jaxseg.models.options import split_options
from jaxseg.nn.block_config import BlockConfig
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Outputs


class OCRNet(nn.Module):
    """Predicts coarse logits and refines them with object context.

    Attributes:
      backbone: Maps an image to a dictionary of feature maps, named after their stages,
        such as "c4" and "c5".
      region_head: Predicts the coarse logits.
      head: Predicts the refined logits.
      levels: The levels that are concatenated as input of the heads.
      region_level: The level that the region head reads instead of the concatenation,
        such as layer 3 of a ResNet.
      align_corners: Whether all resizing aligns corners.
    """

    backbone: nn.Module
    region_head: nn.Module
    head: OCRHead
    levels: tuple[str, ...] = LEVELS
    region_level: str | None = None
    align_corners: bool = True

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Outputs:
        """Maps [B, H, W, C] to "logits" and "aux", each [B, H, W, K], float32."""
        pyramid = self.backbone(image, train=train)
        x = concat_levels(pyramid, self.levels, self.align_corners)
        source = x if self.region_level is None else pyramid[self.region_level]
        coarse, aligned = self.region_head(source, train=train), self.align_corners
        # Levels of a backbone without atrous rates have different sizes.
        regions = resize(coarse, x.shape[1:3], align_corners=aligned)
        logits = self.head(x, regions, train=train)
        return {
            "logits": to_image(logits, image, self.backbone, align_corners=aligned),
            "aux": to_image(coarse, image, self.backbone, align_corners=aligned),
        }


def ocrnet(
    num_classes: int,
    backbone: nn.Module,
    *,
    features: int = 512,
    key_features: int = 256,
    bias: bool = True,
    region_features: int | None = None,
    align_corners: bool = True,
    style: BlockConfig = BlockConfig(),
) -> OCRNet:
    """Puts openseg.pytorch's OCR head on a backbone with c4 and c5 (arXiv 1909.11065).

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps. The region head reads
        "c4".
      features: Number of channels of the pixel features.
      key_features: Number of channels of queries and keys.
      bias: Whether the convolutions have a bias. MMSegmentation has none.
      region_features: Number of channels of the region head; None takes `features`.
      align_corners: True in the authors' code, False in MMSegmentation.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    return OCRNet(
        backbone,
        PixelHead(
            num_classes,
            features=region_features or features,
            kernel=3,
            bias=bias,
            dropout=0.05,
            style=style,
        ),
        OCRHead(
            num_classes,
            features=features,
            key_features=key_features,
            bias=bias,
            block_bias=bias,
            style=style,
        ),
        levels=("c5",),
        region_level="c4",
        align_corners=align_corners,
    )


def hrnetv2_ocr(
    num_classes: int,
    backbone: nn.Module,
    *,
    features: int = 512,
    key_features: int = 256,
    bias: bool = True,
    align_corners: bool = True,
    dropout: float = 0.05,
    style: BlockConfig = BlockConfig(),
) -> OCRNet:
    """Puts an OCR head on the concatenated maps c2 to c5 (arXiv 1909.11065).

    The authors' code does this on HRNetV2.

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps, named after their stages,
        such as "c4" and "c5".
      features: Number of channels of the pixel features.
      key_features: Number of channels of queries and keys.
      bias: Whether the 3x3 convolution and the region head have a bias. MMSegmentation
        has none.
      align_corners: True in the authors' code, False in MMSegmentation.
      dropout: Dropout rate, of whole channels, before the classifier.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    return OCRNet(
        backbone,
        PixelHead(
            num_classes, features=None, kernel=1, bias=bias, dropout=0.0, style=style
        ),
        OCRHead(
            num_classes,
            features=features,
            key_features=key_features,
            bias=bias,
            dropout=dropout,
            style=style,
        ),
        align_corners=align_corners,
    )


def ocrnet_hrnet(
    num_classes: int,
    *,
    width: int = 48,
    align_corners: bool = True,
    style: BlockConfig = BlockConfig(),
    **options,
) -> OCRNet:
    """Creates HRNetV2 with an OCR head as in the authors' code (arXiv 1909.11065).

    Args:
      num_classes: Number of classes.
      width: Number of channels of HRNet's finest branch: 18, 32 or 48.
      align_corners: True in the authors' code, False in MMSegmentation.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Further options of `hrnetv2_ocr` and attributes of `HRNet`.
    """
    trunk, rest = split_options(options, HRNet)
    return hrnetv2_ocr(
        num_classes,
        HRNet(width, align_corners=align_corners, style=style, **trunk),
        align_corners=align_corners,
        style=style,
        **rest,
    )


def ocrnet_resnet(
    num_classes: int,
    *,
    depth: int = 101,
    style: BlockConfig = BlockConfig(),
    **options,
) -> OCRNet:
    """Creates a ResNet with an OCR head as in openseg.pytorch (arXiv 1909.11065).

    The output stride is 8, the stem is deep, and the region head reads layer 3. For
    MMSegmentation's network, pass `bias=False, region_features=256, stem="c",
    align_corners=False`.

    Args:
      num_classes: Number of classes.
      depth: Depth of the ResNet.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Options of `create_resnet` and of `ocrnet`.
    """
    trunk, rest = split_options(options)
    trunk = {"variant": BETA, **trunk}
    backbone = create_resnet(depth, 8, style=style, **trunk)
    return ocrnet(num_classes, backbone, style=style, **rest)
