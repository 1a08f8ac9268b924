"""Point Transformer for semantic segmentation (Zhao et al., arXiv 2012.09164).

It is a U-Net of point clouds. The encoder has vector attention among nearest neighbors,
farthest-point sampling and a maximum over neighbors. The decoder interpolates from
three neighbors. Layers and numbers of neighbors follow the authors' S3DIS network,
which has 7,767,729 parameters for 13 classes.

Clouds of unequal size are padded to form a batch, with a mask. The authors' code
instead concatenates all clouds. Results do not depend on the amount of padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import logits_float32
from jaxseg.nn.masked_norm import MaskedNorm
from jaxseg.nn.vector_attention import VectorAttention, dense, relative
from jaxseg.ops.points import farthest_points, gather, interpolate, nearest
from jaxseg.typing import Array


class Level(NamedTuple):
    """Holds a point cloud at one resolution, with the neighbors of each point.

    Attributes:
      points: Positions [B, N, 3].
      mask: Bool [B, N], False at padding.
      index: Indices of the neighbors [B, N, k].
      valid: Bool [B, N, k], False where a point has fewer than k neighbors.
    """

    points: Array
    mask: Array
    index: Array  # type: ignore[assignment]  # hides a method of tuples
    valid: Array


class LinearNormRelu(nn.Module):
    """Applies a linear layer, normalization over the valid points and ReLU."""

    features: int
    bias: bool = True
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, mask: Array, *, train: bool) -> Array:
        x = dense(self.features, "linear", self.style, bias=self.bias)(x)
        return nn.relu(MaskedNorm(self.style, name="norm")(x, mask, train=train))


class Block(nn.Module):
    """Applies a residual block with vector attention: [B, N, C] -> [B, N, C]."""

    groups: int
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, level: Level, x: Array, *, train: bool) -> Array:
        points, mask, index, valid = level
        features, style = x.shape[-1], self.style
        y = LinearNormRelu(features, bias=False, style=style, name="in")(
            x, mask, train=train
        )
        y = VectorAttention(self.groups, style, name="attention")(
            points, y, index, valid, mask, train=train
        )
        y = nn.relu(MaskedNorm(style, name="norm")(y, mask, train=train))
        y = dense(features, "out", style, bias=False)(y)
        y = MaskedNorm(style, name="out_norm")(y, mask, train=train)
        return nn.relu(x + y)


class TransitionDown(nn.Module):
    """Samples points and takes the maximum of the features of their neighbors.

    A cloud of n points keeps n // stride points. Differs: it keeps at least one point,
    so that very small clouds are allowed.
    """

    features: int
    stride: int
    neighbors: int
    start: str
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, fine: Level, x: Array, *, train: bool) -> tuple[Level, Array]:
        kept, mask = keep(fine.points, fine.mask, self.stride, self.start)
        points = gather(fine.points, kept)
        index, squared = nearest(points, fine.points, self.neighbors, fine.mask)
        valid = jnp.isfinite(squared)
        near = relative(fine.points, index, points).astype(x.dtype)
        y = jnp.concatenate([near, gather(x, index)], -1)
        y = LinearNormRelu(self.features, bias=False, style=self.style, name="pool")(
            y, valid & mask[..., None], train=train
        )
        return level_of(points, mask, self.neighbors), largest(y, valid)


class TransitionUp(nn.Module):
    """Adds features that are interpolated from a coarser point cloud to a finer one."""

    features: int
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(
        self, fine: Level, x: Array, coarse: Level, deep: Array, *, train: bool
    ) -> Array:
        def layer(name):
            return LinearNormRelu(self.features, style=self.style, name=name)

        x = layer("skip")(x, fine.mask, train=train)
        deep = layer("deep")(deep, coarse.mask, train=train)
        index, squared = nearest(fine.points, coarse.points, 3, coarse.mask)
        return x + interpolate(deep, index, squared)


class Context(nn.Module):
    """Combines the features x of each point with their mean over the points of a cloud.

    A linear layer maps the concatenation [x, relu(linear(mean))] to C channels.
    """

    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, level: Level, x: Array, *, train: bool) -> Array:
        features, share = x.shape[-1], level.mask[..., None].astype(jnp.float32)
        total = (x.astype(jnp.float32) * share).sum(1, keepdims=True)
        mean = (total / jnp.maximum(share.sum(1, keepdims=True), 1)).astype(x.dtype)
        mean = nn.relu(dense(features, "mean", self.style)(mean))
        both = jnp.concatenate([x, jnp.broadcast_to(mean, x.shape)], -1)
        fuse = LinearNormRelu(features, style=self.style, name="fuse")
        return fuse(both, level.mask, train=train)


class PointTransformer(nn.Module):
    """Predicts the classes of points.

    Attributes:
      num_classes: Number of classes, K.
      widths: Numbers of channels of the levels, finest first.
      blocks: Number of attention blocks at each level of the encoder. The decoder has
        one block at each level.
      neighbors: Number of neighbors of each point, for each level.
      stride: Factor by which the number of points decreases from one level to the next.
      groups: Number of groups of channels that share attention weights.
      start: First point of the sampling, "outermost" or "first".
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    num_classes: int
    widths: Sequence[int] = (32, 64, 128, 256, 512)
    blocks: Sequence[int] = (1, 2, 3, 5, 2)
    neighbors: Sequence[int] = (8, 16, 16, 16, 16)
    stride: int = 4
    groups: int = 8
    start: str = "outermost"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(
        self,
        points: Array,
        feature: Array,
        mask: Array | None = None,
        *,
        train: bool = False,
    ) -> dict[str, Array]:
        """Classifies points.

        Args:
          points: Positions in meters, [B, N, 3].
          feature: Features such as colors in [0, 1], [B, N, C].
          mask: Bool [B, N], False at padding, whose logits are undefined.
          train: Whether to use the statistics of the batch.

        Returns:
          {"logits": [B, N, K]}, float32.
        """
        mask = jnp.ones(points.shape[:2], bool) if mask is None else mask
        points = points.astype(jnp.float32)
        x = jnp.concatenate([points, feature.astype(jnp.float32)], -1)
        levels, features = self._down(points, x, mask, train)
        depth, context = len(self.widths), Context(self.style, name="context")
        deep = context(levels[-1], features[-1], train=train)
        deep = self._block(f"decoder{depth}_block", levels[-1], deep, train)
        for i in reversed(range(depth - 1)):
            up = TransitionUp(self.widths[i], self.style, name=f"decoder{i + 1}_up")
            deep = up(levels[i], features[i], levels[i + 1], deep, train=train)
            deep = self._block(f"decoder{i + 1}_block", levels[i], deep, train)
        x = LinearNormRelu(self.widths[0], style=self.style, name="head")(
            deep, mask, train=train
        )
        logits = dense(self.num_classes, "classifier", self.style)(x)
        return {"logits": logits_float32(logits)}

    def _down(self, points, x, mask, train):
        """Returns levels and features of the encoder, finest first."""
        level = level_of(points, mask, self.neighbors[0])
        stem = LinearNormRelu(self.widths[0], False, self.style, name="encoder1_linear")
        x = stem(x, mask, train=train)
        levels, features = [], []
        for i, (width, blocks) in enumerate(
            zip(self.widths, self.blocks, strict=True), start=1
        ):
            if i > 1:
                down = TransitionDown(
                    width,
                    stride=self.stride,
                    neighbors=self.neighbors[i - 1],
                    start=self.start,
                    style=self.style,
                    name=f"encoder{i}_down",
                )
                level, x = down(level, x, train=train)
            for j in range(1, blocks + 1):
                x = self._block(f"encoder{i}_block{j}", level, x, train)
            levels.append(level)
            features.append(x)
        return levels, features

    def _block(self, name, level, x, train):
        return Block(self.groups, self.style, name=name)(level, x, train=train)

    def example_inputs(self) -> tuple[jax.ShapeDtypeStruct, ...]:
        """Returns shapes for `init`: 1,024 points, each with three features."""
        return (jax.ShapeDtypeStruct((1, 1024, 3), jnp.float32),) * 2


def keep(points: Array, mask: Array, stride: int, start: str) -> tuple[Array, Array]:
    """Chooses the points of the next coarser level by farthest-point sampling.

    Returns:
      Indices and mask of the sampled points, each [B, max(1, N // stride)].
    """
    total = max(1, points.shape[1] // stride)
    true = mask.sum(1)
    left = jnp.minimum(jnp.maximum(true // stride, 1), true)
    kept = farthest_points(points, total, mask, start=start)
    return kept, jnp.arange(total)[None] < left[:, None]


def largest(y: Array, valid: Array) -> Array:
    """Returns the maximum over the valid neighbors, or 0 for a point without neighbors.

    It maps y [B, M, k, C], whose values are at least 0, to [B, M, C]. The maximum is
    read at its index, and not by `jnp.max`. The gradient of `jnp.max` divides by the
    number of values that equal the maximum. If the compiler computes the values a
    second time with different rounding, none of them may equal it, and the gradient
    divides by 0.
    """
    y = jnp.where(valid[..., None], y, 0)
    first = jnp.argmax(jax.lax.stop_gradient(y), axis=2, keepdims=True)
    return jnp.take_along_axis(y, first, axis=2)[:, :, 0]


def level_of(points: Array, mask: Array, neighbors: int) -> Level:
    """Creates a `Level` of points and finds the nearest neighbors of each point.

    The neighbors of a point include the point itself.
    """
    index, squared = nearest(points, points, neighbors, mask)
    return Level(points, mask=mask, index=index, valid=jnp.isfinite(squared))


def point_transformer(
    num_classes: int,
    *,
    widths: Sequence[int] = (32, 64, 128, 256, 512),
    blocks: Sequence[int] = (1, 2, 3, 5, 2),
    neighbors: Sequence[int] = (8, 16, 16, 16, 16),
    stride: int = 4,
    groups: int = 8,
    start: str = "outermost",
    style: BlockConfig = BlockConfig(),
) -> PointTransformer:
    """Creates Seg50, the authors' Point Transformer for S3DIS (arXiv 2012.09164).

    The options are the attributes of `PointTransformer`.

    Raises:
      ValueError: If widths, blocks and neighbors differ in length.
    """
    lengths = {len(widths), len(blocks), len(neighbors)}
    if len(lengths) != 1 or not widths:
        raise ValueError(
            f"widths={widths}, blocks={blocks}, neighbors={neighbors} is invalid: "
            "expected three lists of the same length, which is at least 1."
        )
    sizes = (tuple(widths), tuple(blocks), tuple(neighbors))
    return PointTransformer(num_classes, *sizes, stride, groups, start, style)
