"""ReSeg: recurrent sweeps over VGG16 features (arXiv 1511.07053).

The network consists of VGG16 up to conv3_3 (frozen), two ReNet layers of 100 GRU units,
two 2x2 transposed convolutions of 50 filters with ReLU, and a 1x1 classifier.

The sources differ. In the paper, the two directions of a sweep both read the input map.
In the released code, the backward network reads the output of the forward network
(`reading="stacked"`, with fewer parameters). This network sweeps rows first, like the
released code.

Differs: the image is normalized like all images in jaxseg; the released code subtracts
a mean from BGR values. Pooling rounds up, so that any size works. The released code
rounds down and needs sides that are multiples of 4.
"""

import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, ConvTranspose
from jaxseg.nn.recurrent import ReNetLayer
from jaxseg.ops.pool import max_pool
from jaxseg.typing import Array

REPEATS = (2, 2, 3)  # The convolutions per stage of VGG16 up to conv3_3.


class VGGToConv3(nn.Module):
    """Applies the first seven convolutions of VGG16, up to conv3_3."""

    width: int = 64
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, H, W, C] to [B, ceil(H / 4), ceil(W / 4), 4 * width].

        Pooling is ceil-mode, so that no pixel is lost.
        """
        for level, count in enumerate(REPEATS, start=1):
            if level > 1:
                x = max_pool(x, window=2, ceil=True, impl=self.style.impl)
            for i in range(1, count + 1):
                features, name = self.width * 2 ** (level - 1), f"conv{level}_{i}"
                x = nn.relu(Conv(features, 3, style=self.style, name=name)(x))
        return x


class ReSeg(nn.Module):
    """Applies ReSeg; returns logits at the resolution of an image of any size.

    Attributes:
      num_classes: Number of classes.
      units: Number of hidden states of each GRU.
      layers: Number of ReNet layers.
      up_features: Number of channels of the transposed convolutions.
      width: Number of channels of the first block of VGG16.
      reading: What the second GRU of a sweep reads: the input ("independent") or the
        output of the first GRU ("stacked"), see `Sweep`.
      first: What each ReNet layer sweeps first, "rows" or "columns".
      freeze_backbone: Whether to stop the gradient before VGG16.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    num_classes: int
    units: int = 100
    layers: int = 2
    up_features: int = 50
    width: int = 64
    reading: str = "independent"
    first: str = "rows"
    freeze_backbone: bool = True
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> dict[str, Array]:
        """Maps [B, H, W, C] to {"logits": [B, H, W, num_classes]}."""
        del train
        x = VGGToConv3(self.width, self.style, name="backbone")(image)
        if self.freeze_backbone:
            x = lax.stop_gradient(x)
        for i in range(1, self.layers + 1):
            x = ReNetLayer(
                self.units,
                first=self.first,
                reading=self.reading,
                style=self.style,
                name=f"renet{i}",
            )(x)
        for i in (1, 2):
            up = ConvTranspose(self.up_features, 2, 2, style=self.style, name=f"up{i}")
            x = nn.relu(up(x))
        x = Conv(self.num_classes, 1, style=self.style, name="classifier")(x)
        height, width = image.shape[1:3]
        return {"logits": x[:, :height, :width].astype(jnp.float32)}


def reseg(
    num_classes: int,
    *,
    units: int = 100,
    layers: int = 2,
    up_features: int = 50,
    width: int = 64,
    reading: str = "independent",
    first: str = "rows",
    freeze_backbone: bool = True,
    style: BlockConfig = BlockConfig(),
) -> ReSeg:
    """Creates ReSeg on conv3_3 of VGG16 (arXiv 1511.07053).

    The options are the attributes of `ReSeg`, such as `reading` and `first`.
    """
    return ReSeg(
        num_classes,
        units=units,
        layers=layers,
        up_features=up_features,
        width=width,
        reading=reading,
        first=first,
        freeze_backbone=freeze_backbone,
        style=style,
    )
