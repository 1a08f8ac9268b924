"""Blocks that gather context: ASPP, pyramid pooling, spatial pyramid pooling.

ASPP: arXiv 1606.00915 (v2), 1706.05587 (v3, batch norm and image pooling), 1802.02611
(v3+, separable). Pyramid pooling: arXiv 1612.01105. SPP: arXiv 1406.4729.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import Style
from jaxseg.nn.layers import Conv, ConvNormAct, Dropout, SeparableConvNormAct
from jaxseg.ops.atrous import share_between_rates
from jaxseg.ops.pool import adaptive_avg_pool, adaptive_max_pool, avg_pool
from jaxseg.ops.resize import resize
from jaxseg.typing import Array

SEPARABLE = ("none", "full", "plain")


class SeparableConv(nn.Module):
    """Atrous 3x3 convolution to `features`, batch norm and ReLU, in one of three forms.

    `separable`: "none", one dense convolution; "full", depthwise and pointwise each
    with batch norm and ReLU (DeepLab v3+'s release); "plain", nothing between the two
    (segmentation_models.pytorch).
    """

    features: int
    rate: int = 1
    separable: str = "none"
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        if self.separable == "none":
            block = ConvNormAct(
                self.features, rate=self.rate, style=self.style, name="dense"
            )
            return block(x, train=train)
        if self.separable == "full":
            block = SeparableConvNormAct(
                self.features,
                rate=self.rate,
                mid_act=True,
                style=self.style,
                name="separable",
            )
            return block(x, train=train)
        if self.separable != "plain":
            raise ValueError(
                f"separable {self.separable!r} is unknown; allowed are {SEPARABLE}"
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


class ImagePooling(nn.Module):
    """Pooled context at the map's size: pool, 1x1, batch norm, ReLU, bilinear up.

    `window` None pools the whole image. A window (h, w) in feature pixels averages with
    stride 1, so that a larger image at evaluation sees what training saw (TensorFlow's
    DeepLab release takes the crop's feature size). With batch norm a single pooled
    value has statistics over the batch alone: batch 1 needs a window, or frozen
    statistics.
    """

    features: int
    window: tuple[int, int] | None = None
    align_corners: bool = False
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        size = x.shape[1:3]
        if self.window is None:
            pooled = adaptive_avg_pool(x, 1)
        else:
            window = tuple(min(w, s) for w, s in zip(self.window, size, strict=True))
            pooled = avg_pool(x, window=window, stride=1)
        block = ConvNormAct(self.features, kernel=1, style=self.style, name="conv")
        pooled = block(pooled, train=train)
        return resize(pooled, size, align_corners=self.align_corners)


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling: parallel rates, concatenated and projected.

    Branches: 1x1, one 3x3 for each of `rates`, optional image pooling; each with batch
    norm and ReLU; then `project_kernel` convolution, batch norm, ReLU, dropout.

    Attributes:
      pool_window: see `ImagePooling`.
      pool_first: concatenation order of MMSegmentation and TensorFlow's release.
      project_kernel: 1, or MMSegmentation's 3.
      channel_dropout: drop whole channels, as FastFCN and MMSegmentation do.
    Source: arXiv 1706.05587, section 3.3.
    """

    features: int = 256
    rates: tuple[int, ...] = (6, 12, 18)
    separable: str = "none"
    image_pool: bool = True
    pool_window: tuple[int, int] | None = None
    pool_first: bool = False
    project_kernel: int = 1
    dropout: float = 0.1
    align_corners: bool = False
    style: Style = Style()
    channel_dropout: bool = False

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        one = ConvNormAct(self.features, kernel=1, style=self.style, name="branch0")
        branches = [one(x, train=train)]
        shared = share_between_rates(x, self.rates)
        for number, rate in enumerate(self.rates, start=1):
            branch = SeparableConv(
                self.features,
                rate=rate,
                separable=self.separable,
                style=self.style,
                name=f"branch{number}",
            )
            branches.append(branch(shared, train=train))
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
    """PSPNet's pyramid: bins of averages, 1x1, batch norm, ReLU, up, concatenated.

    Returns the input and one branch of `features` channels per bin size, the input in
    front (last with `input_first=False`, segmentation_models.pytorch).
    `norm_single` False leaves batch norm out of 1x1 bins (and gives them a bias), as
    segmentation_models.pytorch does so that it trains with a batch of one.
    Source: arXiv 1612.01105, section 3.2.
    """

    features: int = 512
    bins: tuple[int, ...] = (1, 2, 3, 6)
    align_corners: bool = True
    norm_single: bool = True
    input_first: bool = True
    style: Style = Style()

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
                    self.features, kernel=1, style=self.style, name=f"bin{bins}"
                )
                y = block(y, train=train)
            parts.append(resize(y, x.shape[1:3], align_corners=self.align_corners))
        parts = [x, *parts] if self.input_first else [*parts, x]
        return jnp.concatenate(parts, axis=-1)


def spatial_pyramid_pooling(
    x: Array, *, bins: tuple[int, ...] = (1, 2, 3, 6), kind: str = "max"
) -> Array:
    """A vector of fixed length from any size [B, H, W, C] -> [B, C * sum(b^2)].

    Args:
      bins: grids of b x b cells; each cell gives one value per channel.
      kind: "max" (the paper) or "mean".

    Order: grids as given, then cells row by row, then channels.
    Source: arXiv 1406.4729, section 2.
    """
    pools = {"max": adaptive_max_pool, "mean": adaptive_avg_pool}
    if kind not in pools:
        raise ValueError(f"kind {kind!r} is unknown; allowed are {tuple(pools)}")
    parts = [pools[kind](x, b).reshape(x.shape[0], -1) for b in bins]
    return jnp.concatenate(parts, axis=-1)
