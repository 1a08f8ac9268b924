"""FCN-32s on AlexNet and on GoogLeNet (arXiv 1411.4038).

The AlexNet network follows the release: it pads the image by 100 pixels, fc6 has a 6x6
kernel, and the result of a deconvolution with a 63x63 kernel is cropped at the offset
18. The authors did not release their GoogLeNet network. The network here omits the
classifiers and the last average pooling of GoogLeNet, scores the 1024 channels of
inception 5b and upsamples by 32.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.backbones.alexnet import AlexNet
from jaxseg.backbones.googlenet import GoogLeNet
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, Dropout
from jaxseg.nn.upsample import BilinearDeconv
from jaxseg.ops.open_size import ImageTooSmall, any_below
from jaxseg.typing import Array

KERNEL = 63  # Kernel size of the last deconvolution; its center is cell 31.
# Cell k of the score is centered at pixel 32k + 13 (AlexNet) or 32k + 30 (GoogLeNet).
ALEXNET_CROP = 31 - 13
GOOGLENET_CROP = 31 - 30


class FCNAlexNet(nn.Module):
    """Applies FCN-32s on CaffeNet; returns logits at the resolution of the image."""

    num_classes: int
    width: float = 1.0
    fc_width: int = 4096
    dropout: float = 0.5
    learned: bool = False
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> dict[str, Array]:
        """Maps [B, H, W, C] to {"logits": [B, H, W, num_classes]}."""
        trunk = AlexNet(
            "caffe",
            first_padding=100,
            width=self.width,
            style=self.style,
            name="backbone",
        )
        x = trunk(image, train=train)["c5"]
        for name, kernel in (("fc6", 6), ("fc7", 1)):
            conv = Conv(self.fc_width, kernel, padding=0, style=self.style, name=name)
            x = Dropout(self.dropout)(nn.relu(conv(x)), train=train)
        return score_and_upsample(self, x=x, crop=ALEXNET_CROP, image=image)


class FCNGoogLeNet(nn.Module):
    """Applies FCN-32s on GoogLeNet; returns logits at the resolution of the image."""

    num_classes: int
    width: float = 1.0
    dropout: float = 0.4
    learned: bool = False
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> dict[str, Array]:
        """Maps [B, H, W, C] to {"logits": [B, H, W, num_classes]}; sides from 47."""
        if any_below(image.shape[1:3], 47):
            raise ImageTooSmall(
                f"image size={image.shape[1:3]} is invalid: expected sides of at least "
                "47 pixels for GoogLeNet's pooling. Pad the image."
            )
        trunk = GoogLeNet("caffe", width=self.width, style=self.style, name="backbone")
        pyramid = trunk(image, train=train)
        x = Dropout(self.dropout)(pyramid["c5"], train=train)
        return score_and_upsample(self, x=x, crop=GOOGLENET_CROP, image=image)


def score_and_upsample(
    net: FCNAlexNet | FCNGoogLeNet, x: Array, crop: int, image: Array
) -> dict[str, Array]:
    """Applies the 1x1 classifier of FCN-32s and its deconvolution of stride 32.

    Both layers become submodules of `net`. The weights of the classifier start at zero.
    The result is a dictionary with "logits", [B, H, W, K], at the size of the image.
    """
    x = Conv(net.num_classes, 1, kernel_init="zeros", style=net.style, name="score")(x)
    up = BilinearDeconv(
        32,
        kernel=KERNEL,
        crop=crop,
        learned=net.learned,
        style=net.style,
        name="upscore",
    )
    return {"logits": up(x.astype(jnp.float32), image.shape[1:3]).astype(jnp.float32)}


def fcn32s_alexnet(
    num_classes: int,
    *,
    width: float = 1.0,
    fc_width: int = 4096,
    dropout: float = 0.5,
    learned: bool = False,
    style: BlockConfig = BlockConfig(),
) -> FCNAlexNet:
    """Creates FCN-32s on AlexNet (arXiv 1411.4038).

    Args:
      num_classes: Number of classes.
      width: Factor on the channels of the backbone.
      fc_width: Number of channels of fc6 and fc7.
      dropout: Dropout rate.
      learned: Whether the deconvolution is trained.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    return FCNAlexNet(
        num_classes,
        width=width,
        fc_width=fc_width,
        dropout=dropout,
        learned=learned,
        style=style,
    )


def fcn32s_googlenet(
    num_classes: int,
    *,
    width: float = 1.0,
    dropout: float = 0.4,
    learned: bool = False,
    style: BlockConfig = BlockConfig(),
) -> FCNGoogLeNet:
    """Creates FCN-32s on GoogLeNet (arXiv 1411.4038).

    Args:
      num_classes: Number of classes.
      width: Factor on the channels of the backbone.
      dropout: Dropout rate.
      learned: Whether the deconvolution is trained.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    return FCNGoogLeNet(
        num_classes, width=width, dropout=dropout, learned=learned, style=style
    )
