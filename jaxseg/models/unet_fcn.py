"""U-Net trunk under small convolutional heads, MMSegmentation's UNet-S5-D16.

(arXiv 1505.04597.) Five stages of same-padding convolutions, upsampling by bilinear
interpolation and 1x1 convolution; a 3x3 head of `width` channels on the full-resolution
map and an auxiliary one on the map of stride 2.
"""

from flax import linen as nn

from jaxseg.heads.fcn import FCNHead
from jaxseg.models.unet import UNetTrunk
from jaxseg.nn.block_config import Style
from jaxseg.ops.resize import resize
from jaxseg.typing import Array


class UNetFCN(nn.Module):
    """U-Net with FCN heads; logits at the input's resolution for any size."""

    num_classes: int
    width: int = 64
    depth: int = 4
    dropout: float = 0.1
    style: Style = Style()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> dict[str, Array]:
        """Map `[B, H, W, C]` to "logits" and "aux", `[B, H, W, num_classes]`."""
        trunk = UNetTrunk(self.width, self.depth, "interp", self.style, name="trunk")
        maps = trunk(image, train=train)
        outputs = {}
        for output, name, x in (
            ("logits", "head", maps[-1]),
            ("aux", "aux_head", maps[-2]),
        ):
            head = FCNHead(
                self.num_classes,
                self.width,
                None,
                self.dropout,
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
    style: Style = Style(),
) -> UNetFCN:
    """U-Net trunk with FCN heads, UNet-S5-D16 at depth 4 (arXiv 1505.04597)."""
    return UNetFCN(num_classes, width, depth, dropout, style)
