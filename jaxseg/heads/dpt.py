"""The decoder of DPT (arXiv 2103.13413, section 3).

It resizes the maps of four layers of a vision transformer to four strides, and fuses
them from the deepest to the first with residual units, as RefineNet does.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg.heads.classifier import PixelHead
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, ConvTranspose
from jaxseg.nn.norm import Norm
from jaxseg.nn.transformer import Linear
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Pyramid

LEVELS = ("c2", "c3", "c4", "c5")
READOUTS = ("ignore", "add", "project")


class PreActResidual(nn.Module):
    """Adds a residual to a map: the output of two layers, applied one after the other.

    Each layer applies ReLU, a 3x3 convolution and normalization.
    """

    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Maps [B, h, w, C] to the same shape."""
        y = x
        for index in (1, 2):
            y = nn.relu(y)
            name = f"conv{index}"
            y = Conv(x.shape[-1], bias=False, style=self.style, name=name)(y)
            y = Norm(self.style, name=f"norm{index}")(y, train=train)
        return x + y


class FusionBlock(nn.Module):
    """Adds the map of a level to the result of the deeper levels, and enlarges it by 2.

    A residual unit is applied to the map before the addition, and another one to the
    sum. The sum is enlarged with aligned corners. A 1x1 convolution comes last.

    Attributes:
      both_units: Whether the first unit is also applied to the deepest level.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    both_units: bool = False
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, level: Array, deeper: Array | None, *, train: bool) -> Array:
        """Maps [B, h, w, C] to [B, 2 h, 2 w, C].

        Args:
          level: The map of this level. It is resized to the size of `deeper`.
          deeper: The result of the deeper levels, or None for the deepest level.
          train: Whether batch normalization uses the statistics of the batch.
        """
        size = level.shape[1:3] if deeper is None else deeper.shape[1:3]
        x = resize(level, size)
        if deeper is not None or self.both_units:
            x = PreActResidual(self.style, name="unit1")(x, train=train)
        x = x if deeper is None else deeper + x
        x = PreActResidual(self.style, name="unit2")(x, train=train)
        x = resize(x, (2 * size[0], 2 * size[1]), align_corners=True)
        return Conv(x.shape[-1], 1, style=self.style, name="project")(x)


class DPTHead(nn.Module):
    """Resizes, fuses and classifies the maps of four layers of a vision transformer.

    Attributes:
      num_classes: Number of classes.
      features: Number of channels of the fused maps.
      widths: Number of channels of the resized maps, from c2 to c5.
      readout: What happens to the class token of each layer, "class_<level>" in the
        pyramid: "ignore" leaves it out, "add" adds it to every pixel, and "project"
        concatenates it with every pixel before a linear layer with GELU.
      enlarge: Factor by which the logits are enlarged with aligned corners: 2 in the
        authors' code. MMSegmentation resizes the logits to the image at once (1).
      dropout: Dropout rate before the classifier.
      both_units: Whether both residual units are applied to c5, as in
        segmentation_models.pytorch. By default, only the second one is.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    num_classes: int
    features: int = 256
    widths: tuple[int, ...] = (96, 192, 384, 768)
    readout: str = "ignore"
    enlarge: int = 2
    dropout: float = 0.1
    both_units: bool = False
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> Array:
        """Maps a pyramid to logits, float32, at 8 times the resolution of its maps.

        With `enlarge=2`, it is 16 times the resolution.
        """
        fused: Array | None = None
        for level in reversed(LEVELS):
            y = self._reassemble(pyramid, level)
            y = Conv(
                self.features, bias=False, style=self.style, name=f"reduce_{level}"
            )(y)
            fuse = FusionBlock(self.both_units, self.style, name=f"fuse_{level}")
            fused = fuse(y, fused, train=train)
        head = PixelHead(
            self.num_classes,
            self.features,
            dropout=self.dropout,
            style=self.style,
            name="head",
        )
        assert fused is not None  # LEVELS is not empty
        x = head(fused, train=train)
        size = (self.enlarge * x.shape[1], self.enlarge * x.shape[2])
        return resize(x, size, align_corners=True)

    def _reassemble(self, pyramid, level):
        """Returns the map of a level at 4, 2, 1 or 1/2 times its resolution."""
        x, index, style = pyramid[level], LEVELS.index(level), self.style
        if self.readout != "ignore":
            token = pyramid[f"class_{level}"][:, None, None]
            token = jnp.broadcast_to(token, x.shape)
            if self.readout == "add":
                x = x + token
            else:
                layer = Linear(x.shape[-1], style, name=f"readout_{level}")
                x = layer(jnp.concatenate([x, token], axis=-1))
                x = jax.nn.gelu(x, approximate=False)
        width = self.widths[index]
        x = Conv(width, 1, style=style, name=f"project_{level}")(x)
        name = f"resize_{level}"
        if index < 2:
            factor = 4 >> index
            return ConvTranspose(width, factor, stride=factor, style=style, name=name)(
                x
            )
        if index == 3:
            return Conv(width, stride=2, padding=1, style=style, name=name)(x)
        return x
