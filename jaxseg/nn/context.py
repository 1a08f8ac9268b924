"""Blocks that gather context: ASPP, pyramid pooling and spatial pyramid pooling.

References:
  ASPP: arXiv 1606.00915 (v2), 1706.05587 (v3, with batch norm and image pooling),
    1802.02611 (v3+, with separable convolutions).
  Pyramid pooling: arXiv 1612.01105.
  Spatial pyramid pooling: arXiv 1406.4729.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, ConvNormAct, Dropout, SeparableConvNormAct
from jaxseg.nn.learned_rate import (
    ContinuousRate,
    LearnedRateConvNormAct,
    RateChoice,
)
from jaxseg.ops.pool import adaptive_avg_pool, adaptive_max_pool, avg_pool
from jaxseg.ops.resize import resize
from jaxseg.text import one_of
from jaxseg.typing import Array

SEPARABLE = ("none", "full", "plain")


class SeparableConv(nn.Module):
    """Applies an atrous 3x3 convolution, batch norm and ReLU.

    Attributes:
      features: Number of output channels.
      rate: The atrous rate. With `separable` "none", it can also be a `RateChoice` or a
        `ContinuousRate`, which state how the rate is learned.
      separable: "none" is one dense convolution. "full" is a depthwise and a pointwise
        convolution, each with batch norm and ReLU, as in the release of DeepLab v3+.
        "plain" has no batch norm and no ReLU between the two convolutions, as in
        segmentation_models.pytorch.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    features: int
    rate: int | RateChoice | ContinuousRate = 1
    separable: str = "none"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        if isinstance(self.rate, RateChoice | ContinuousRate):
            return self._learned(self.rate, x, train=train)
        if self.separable == "none":
            block = ConvNormAct(
                self.features, rate=self.rate, style=self.style, name="dense"
            )
            return block(x, train=train)
        if self.separable == "full":
            separable = SeparableConvNormAct(
                self.features,
                rate=self.rate,
                mid_act=True,
                style=self.style,
                name="separable",
            )
            return separable(x, train=train)
        if self.separable != "plain":
            raise ValueError(
                f"separable={self.separable!r} is invalid"
                f"{one_of(self.separable, SEPARABLE)}"
            )
        x = Conv(
            x.shape[-1],
            rate=self.rate,
            groups=x.shape[-1],
            bias=False,
            style=self.style,
            name="depthwise",
        )(x)
        block = ConvNormAct(self.features, kernel=1, style=self.style, name="pointwise")
        return block(x, train=train)

    def _learned(self, rate, x, *, train):
        """Applies a dense convolution with a learned rate, under the same name."""
        if self.separable != "none":
            raise ValueError(
                f"separable={self.separable!r} is invalid: expected 'none', because "
                f"the rate {rate} is learned."
            )
        block = LearnedRateConvNormAct(
            self.features, choice=rate, style=self.style, name="dense"
        )
        return block(x, train=train)


class ImagePooling(nn.Module):
    """Averages a map, convolves the average by 1x1 and upsamples it to the map size.

    Batch norm and ReLU follow the convolution; the upsampling is bilinear. If the whole
    image is pooled, batch norm sees only one value per image and channel. To train with
    one image per batch, set a window or freeze the statistics.

    Attributes:
      features: Number of output channels.
      window: None pools the whole image. A window (h, w), in feature pixels, averages
        with stride 1, so that the average covers the same area for larger images in
        evaluation as in training. In TensorFlow's DeepLab release, the window has the
        feature size of the training crop.
      align_corners: Whether the upsampling aligns corners.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    features: int
    window: tuple[int, int] | None = None
    align_corners: bool = False
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        size = x.shape[1:3]
        if self.window is None:
            pooled = adaptive_avg_pool(x, 1)
        else:
            rows, columns = map(min, self.window, size)
            pooled = avg_pool(x, window=(rows, columns), stride=1)
        block = ConvNormAct(self.features, kernel=1, style=self.style, name="conv")
        pooled = block(pooled, train=train)
        return resize(pooled, size, align_corners=self.align_corners)


class ASPP(nn.Module):
    """Pools context with parallel atrous convolutions (ASPP) and projects it.

    The branches are a 1x1 convolution, one 3x3 convolution for each of `rates` and,
    optionally, image pooling. Each has batch norm and ReLU. The branches are
    concatenated, and a convolution, batch norm, ReLU and dropout follow.

    Attributes:
      features: Number of channels of each branch and of the result.
      rates: Atrous rates of the 3x3 branches. A branch whose entry is a `RateChoice` or
        a `ContinuousRate` learns its rate.
      separable: How the 3x3 convolutions are divided into depthwise and pointwise ones:
        "none", "full" or "plain", see `SeparableConv`.
      image_pool: Whether there is an image pooling branch.
      pool_window: The window (h, w) of image pooling in feature pixels; None pools the
        whole image.
      pool_first: Whether image pooling comes first in the concatenation, as in
        MMSegmentation and TensorFlow's release.
      project_kernel: Kernel size of the projection: 1, or 3 as in MMSegmentation.
      dropout: Dropout rate.
      align_corners: Whether the upsampling of image pooling aligns corners.
      style: Settings of normalization and dtype, see `BlockConfig`.
      channel_dropout: Whether to drop whole channels, as FastFCN and MMSegmentation do.

    References:
      arXiv 1706.05587, section 3.3.
    """

    features: int = 256
    rates: tuple[int | RateChoice | ContinuousRate, ...] = (6, 12, 18)
    separable: str = "none"
    image_pool: bool = True
    pool_window: tuple[int, int] | None = None
    pool_first: bool = False
    project_kernel: int = 1
    dropout: float = 0.1
    align_corners: bool = False
    style: BlockConfig = BlockConfig()
    channel_dropout: bool = False

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        one = ConvNormAct(self.features, kernel=1, style=self.style, name="branch0")
        branches = [one(x, train=train)]
        for number, rate in enumerate(self.rates, start=1):
            branch = SeparableConv(
                self.features,
                rate=rate,
                separable=self.separable,
                style=self.style,
                name=f"branch{number}",
            )
            branches.append(branch(x, train=train))
        if self.image_pool:
            pool = ImagePooling(
                self.features,
                window=self.pool_window,
                align_corners=self.align_corners,
                style=self.style,
                name="pool",
            )
            branches.insert(
                0 if self.pool_first else len(branches), pool(x, train=train)
            )
        x = jnp.concatenate(branches, axis=-1)
        project = ConvNormAct(
            self.features, kernel=self.project_kernel, style=self.style, name="project"
        )
        drop = Dropout(self.dropout, self.channel_dropout)
        return drop(project(x, train=train), train=train)


class PyramidPooling(nn.Module):
    """Concatenates a map with its averages over grids of cells, as PSPNet does.

    For each number b in `bins`, the map is averaged over b x b cells, convolved by 1x1,
    normalized, activated by ReLU and upsampled to the size of the map.

    Attributes:
      features: Number of channels of each branch.
      bins: For each branch, the number b of cells along rows and along columns.
      align_corners: Whether the upsampling aligns corners.
      norm_single: False replaces batch norm by a bias in the branch of a single cell,
        as in segmentation_models.pytorch. The network can then be trained with one
        image per batch.
      input_first: Whether the input comes first in the concatenation. In
        segmentation_models.pytorch it comes last.
      bias: Whether all convolutions have a bias, for networks without normalization.
      style: Settings of normalization and dtype, see `BlockConfig`.

    References:
      arXiv 1612.01105, section 3.2.
    """

    features: int = 512
    bins: tuple[int, ...] = (1, 2, 3, 6)
    align_corners: bool = True
    norm_single: bool = True
    input_first: bool = True
    style: BlockConfig = BlockConfig()
    bias: bool = False

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        parts = []
        for bins in self.bins:
            y = adaptive_avg_pool(x, bins)
            if bins == 1 and not self.norm_single:
                y = Conv(self.features, kernel=1, style=self.style, name="bin1")(y)
                y = nn.relu(y)
            else:
                block = ConvNormAct(
                    self.features,
                    kernel=1,
                    bias=self.bias,
                    style=self.style,
                    name=f"bin{bins}",
                )
                y = block(y, train=train)
            parts.append(resize(y, x.shape[1:3], align_corners=self.align_corners))
        parts = [x, *parts] if self.input_first else [*parts, x]
        return jnp.concatenate(parts, axis=-1)


def spatial_pyramid_pooling(
    x: Array, *, bins: tuple[int, ...] = (1, 2, 3, 6), kind: str = "max"
) -> Array:
    """Pools a map of any size to a vector of fixed length.

    Args:
      x: [B, H, W, C].
      bins: For each grid, the number b of cells along rows and along columns. Each of
        the b x b cells gives one value per channel.
      kind: "max" (the paper) or "mean".

    Returns:
      [B, C * sum(b^2)], ordered by grid, then by cell row by row, then by channel.

    Raises:
      ValueError: If the kind is unknown.

    References:
      arXiv 1406.4729, section 2.
    """
    pools = {"max": adaptive_max_pool, "mean": adaptive_avg_pool}
    if kind not in pools:
        raise ValueError(f"kind={kind!r} is invalid{one_of(kind, pools)}")
    parts = [pools[kind](x, b).reshape(x.shape[0], -1) for b in bins]
    return jnp.concatenate(parts, axis=-1)
