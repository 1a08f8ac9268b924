"""OCRNet on HRNet or on a dilated ResNet (arXiv 1909.11065).

The logits of the region head are the soft object regions and also the auxiliary output.
The network needs them in inference as well.
"""

from flax import linen as nn

from jaxseg.backbones.hrnet import HRNet
from jaxseg.backbones.resnet import ResNet
from jaxseg.heads.classifier import PixelHead
from jaxseg.heads.high_resolution import LEVELS, concat_levels
from jaxseg.heads.ocr import OCRHead
from jaxseg.nn.block_config import BlockConfig
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Outputs


class OCRNet(nn.Module):
    """Predicts coarse logits and refines them with object context.

    Attributes:
      backbone: Maps an image to a pyramid.
      region_head: Predicts the coarse logits.
      head: Predicts the refined logits.
      levels: The levels whose concatenation both heads read.
      region_level: The level that the region head reads instead, such as layer 3 of a
        ResNet.
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
        coarse = self.region_head(source, train=train)
        logits = self.head(x, coarse, train=train)
        size = image.shape[1:3]
        return {
            "logits": resize(logits, size, align_corners=self.align_corners),
            "aux": resize(coarse, size, align_corners=self.align_corners),
        }


def ocrnet_hrnet(
    num_classes: int,
    *,
    width: int = 48,
    features: int = 512,
    key_features: int = 256,
    bias: bool = True,
    align_corners: bool = True,
    dropout: float = 0.05,
    style: BlockConfig = BlockConfig(),
    **trunk,
) -> OCRNet:
    """Creates HRNetV2 + OCR in the authors' form (arXiv 1909.11065).

    Args:
      num_classes: Number of classes.
      width: C of HRNet: 18, 32 or 48.
      features: Number of channels of the pixel features.
      key_features: Number of channels of queries and keys.
      bias: Whether the 3x3 convolution and the region head have a bias. MMSegmentation
        has none.
      align_corners: True in the authors' code, False in MMSegmentation.
      dropout: Dropout rate, of whole channels, before the classifier.
      style: See `BlockConfig`.
      **trunk: Further attributes of `HRNet`.
    """
    return OCRNet(
        HRNet(width, align_corners=align_corners, style=style, **trunk),
        PixelHead(num_classes, 15 * width, 1, bias, 0.0, style),
        OCRHead(
            num_classes, features, key_features, bias, dropout=dropout, style=style
        ),
        align_corners=align_corners,
    )


def ocrnet_resnet(
    num_classes: int,
    *,
    depth: int = 101,
    features: int = 512,
    key_features: int = 256,
    bias: bool = True,
    region_features: int | None = None,
    stem: str = "beta",
    align_corners: bool = True,
    style: BlockConfig = BlockConfig(),
    **trunk,
) -> OCRNet:
    """Creates a ResNet + OCR in openseg's form (arXiv 1909.11065).

    The output stride is 8, the stem is deep, and the region head reads layer 3.
    MMSegmentation's network is `bias=False, region_features=256, stem="c",
    align_corners=False`. `region_features` is the number of channels of the region
    head, and `trunk` are further attributes of `ResNet`. For the other options see
    `ocrnet_hrnet`.
    """
    return OCRNet(
        ResNet(depth, output_stride=8, stem=stem, style=style, **trunk),
        PixelHead(num_classes, region_features or features, 3, bias, 0.05, style),
        OCRHead(
            num_classes, features, key_features, bias, block_bias=bias, style=style
        ),
        levels=("c5",),
        region_level="c4",
        align_corners=align_corners,
    )
