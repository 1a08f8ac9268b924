"""ReSeg: recurrent sweeps over VGG16 features (arXiv 1511.07053).

VGG16 up to conv3_3 (frozen), two ReNet layers of 100 GRU units, two 2x2 transposed
convolutions of 50 filters with ReLU, 1x1 classifier.

Two readings. The paper's two directions are independent; in the released code the
backward network reads the forward network's output (`reading="stacked"`, fewer
parameters). The released code sweeps rows first; so do we.
Differs: the image arrives normalized as everywhere in jaxseg, not as BGR minus a mean.
Pooling rounds up, so that any size works; the released code rounds down and needs sides
that are multiples of 4.
"""

import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxseg.nn.block_config import Style
from jaxseg.nn.layers import Conv, ConvTranspose
from jaxseg.nn.recurrent import ReNetLayer
from jaxseg.ops.pool import max_pool
from jaxseg.typing import Array

REPEATS = (2, 2, 3)


class VGGToConv3(nn.Module):
    """VGG16's first seven convolutions: `[B, H, W, C]` to a quarter, 4 x width."""

    width: int = 64
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Stride 4, unpooled; ceil-mode pooling, so that no pixel is lost."""
        for level, count in enumerate(REPEATS, start=1):
            if level > 1:
                x = max_pool(x, window=2, ceil=True, impl=self.style.impl)
            for i in range(1, count + 1):
                features, name = self.width * 2 ** (level - 1), f"conv{level}_{i}"
                x = nn.relu(Conv(features, 3, style=self.style, name=name)(x))
        return x


class ReSeg(nn.Module):
    """ReSeg; logits at the input's resolution for any size."""

    num_classes: int
    units: int = 100
    layers: int = 2
    up_features: int = 50
    width: int = 64
    reading: str = "independent"
    first: str = "rows"
    freeze_backbone: bool = True
    style: Style = Style()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> dict[str, Array]:
        """Map `[B, H, W, C]` to `{"logits": [B, H, W, num_classes]}`."""
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
    style: Style = Style(),
) -> ReSeg:
    """ReSeg over VGG16's conv3_3 (arXiv 1511.07053)."""
    return ReSeg(
        num_classes,
        units,
        layers,
        up_features,
        width,
        reading,
        first,
        freeze_backbone,
        style,
    )
