"""Resizes the levels of a plain vision transformer to the strides of a pyramid.

The layers of a plain transformer such as ViT, DINOv2 or DINOv3 return maps of one
size, with one pixel per patch. Decoders such as UPerNet need maps of four sizes. The
neck in this file is the `MultiLevelNeck` of MMSegmentation, whose configurations put it
between ViT and UPerNet.
"""

import dataclasses
from functools import partial
from typing import Any

from flax import linen as nn

from jaxseg.backbones.backbone import Backbone
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv
from jaxseg.ops.open_size import certainly_below
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Pyramid

# The factor by which each level is enlarged; None halves the level.
FACTORS = (("c2", 4), ("c3", 2), ("c4", 1), ("c5", None))
_LEVELS = tuple(level for level, _ in FACTORS)


class RescalingNeck(nn.Module):
    """Enlarges c2 by 4 and c3 by 2, keeps the size of c4, and halves c5.

    Each level passes a 1x1 convolution, is resized bilinearly with half-pixel centers,
    and passes a 3x3 convolution. The convolutions have biases, and neither
    normalization nor activation follows them. If a side of c5 is odd, its last row or
    column is not read. A side of one pixel keeps its size.

    Attributes:
      features: Number of channels of each level; None keeps the number of the input.
      style: The data type of the convolutions, see `BlockConfig`.
    """

    features: int | None = None
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid) -> Pyramid:
        """Maps "c2" to "c5" [B, h, w, D] to "c2" to "c5" of different sizes."""
        resized = {}
        for level, factor in FACTORS:
            x = self._conv(1, f"lateral_{level}", pyramid[level])
            resized[level] = self._conv(3, f"smooth_{level}", _scale(x, factor))
        return resized

    def _conv(self, kernel: int, name: str, x: Array) -> Array:
        layer = Conv(
            self.features or x.shape[-1],
            kernel,
            kernel_init="glorot",
            style=self.style,
            name=name,
        )
        return layer(x)


class MultiLevelBackbone(nn.Module):
    """Applies a plain transformer and a neck, and returns c2 to c5 of the neck.

    With patches of p pixels, the strides of the levels are p/4, p/2, p and 2p. The
    parameters of the transformer have the same paths as without a neck, so that the
    import tables of its weights apply. Those of the neck are in "neck".

    Attributes:
      trunk: The transformer, which maps an image to a pyramid whose levels c2 to c5
        have one pixel per patch.
      neck: Maps this pyramid to levels of different sizes.
    """

    trunk: nn.Module
    neck: nn.Module

    def setup(self):
        nn.share_scope(self, self.trunk)

    @property
    def patch(self) -> int:
        """Returns the side of a patch, to a multiple of which the image is padded."""
        return self.trunk.patch

    def __call__(self, image: Array, *, train: bool = False) -> Pyramid:
        """Maps [B, H, W, C] to the levels "c2" to "c5"."""
        return self.neck(self.trunk(image, train=train))


def is_plain(backbone: Backbone) -> bool:
    """Returns whether a backbone has c2 to c5 with one pixel per patch.

    >>> from jaxseg.backbones.catalog import BACKBONES
    >>> is_plain(BACKBONES["vitb16"]), is_plain(BACKBONES["swin_t"])
    (True, False)

    Args:
      backbone: The entry of the backbone in `jaxseg.backbones.catalog.BACKBONES`.
    """
    plain = tuple((level, backbone.patch) for level in _LEVELS)
    return backbone.patch > 1 and backbone.levels == plain


def with_neck(backbone: Backbone, features: int | None = None) -> Backbone:
    """Returns the description of a plain transformer with a `RescalingNeck`.

    The strides of the levels are rounded up to integers.

    >>> from jaxseg.backbones.catalog import BACKBONES
    >>> with_neck(BACKBONES["vitb16"]).strides()
    {'c2': 4, 'c3': 8, 'c4': 16, 'c5': 32}

    Args:
      backbone: The description of a transformer for which `is_plain` is true.
      features: Number of channels of each level; None takes the width of the
        transformer.
    """
    patch = backbone.patch
    strides = (-(-patch // 4), -(-patch // 2), patch, 2 * patch)
    return dataclasses.replace(
        backbone,
        make=partial(_make, backbone, features),
        levels=tuple(zip(_LEVELS, strides, strict=True)),
        output_strides=(2 * patch,),
    )


def _make(
    backbone: Backbone, features: int | None, *, style: BlockConfig, **options: Any
) -> MultiLevelBackbone:
    trunk = backbone.create(style=style, **options)
    return MultiLevelBackbone(trunk, RescalingNeck(features, style))


def _scale(x: Array, factor: int | None) -> Array:
    height, width = x.shape[1:3]
    if factor is not None:
        return resize(x, (factor * height, factor * width))
    # An even size makes each result the mean of 2x2 pixels, also for odd sides. PyTorch
    # does the same, because it computes positions with the factor, not with the sizes.
    (rows, row_pairs), (columns, column_pairs) = map(_pairs, (height, width))
    return resize(x[:, :rows, :columns], (row_pairs, column_pairs))


def _pairs(side: int) -> tuple[int, int]:
    """Returns the number of pixels of a side that are read, and that of the result."""
    if certainly_below(side, 2):
        return side, side
    return side // 2 * 2, side // 2
