"""U-Net with convolutional heads, MMSegmentation's UNet-S5-D16 (arXiv 1505.04597).

It has five stages of same-padding convolutions and upsamples by bilinear interpolation
and a 1x1 convolution. A head with a 3x3 convolution of `width` channels reads the map
of full resolution, and an auxiliary head reads the map of stride 2.
"""

from flax import linen as nn

from jaxseg.heads.fcn import FCNHead
from jaxseg.models.unet import UNetTrunk
from jaxseg.nn.block_config import BlockConfig
from jaxseg.ops.resize import resize
from jaxseg.typing import Array


class UNetFCN(nn.Module):
    """Applies U-Net with FCN heads; returns logits at the resolution of the image."""

    num_classes: int
    width: int = 64
    depth: int = 4
    dropout: float = 0.1
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> dict[str, Array]:
        """Maps [B, H, W, C] to "logits" and "aux", each [B, H, W, num_classes]."""
        trunk = UNetTrunk(
            self.width, depth=self.depth, up="interp", style=self.style, name="trunk"
        )
        maps = trunk(image, train=train)
        outputs = {}
        for output, name, x in (
            ("logits", "head", maps[-1]),
            ("aux", "aux_head", maps[-2]),
        ):
            head = FCNHead(
                self.num_classes,
                features=self.width,
                tap=None,
                dropout=self.dropout,
                style=self.style,
                channel_dropout=True,
                name=name,
            )
            logits = head(x, train=train)
            outputs[output] = resize(logits, image.shape[1:3], impl=self.style.impl)
        return outputs


def unet_fcn(
    num_classes: int,
    *,
    width: int = 64,
    depth: int = 4,
    dropout: float = 0.1,
    style: BlockConfig = BlockConfig(),
) -> UNetFCN:
    """Creates U-Net with FCN heads, UNet-S5-D16 at depth 4 (arXiv 1505.04597).

    Args:
      num_classes: Number of classes.
      width: Number of channels of the first level.
      depth: Number of poolings.
      dropout: Dropout rate of the heads.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    return UNetFCN(num_classes, width=width, depth=depth, dropout=dropout, style=style)
