"""Multi-scale deformable attention (arXiv 2010.04159, section 4.1).

Each query reads a few points of every level. Two linear layers read the query: one
predicts the offsets of the points from the position of the query, the other predicts
their weights.
"""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.transformer import Linear
from jaxseg.ops.sampling import deformable_attention
from jaxseg.typing import Array, Size


class ConstantStart(nn.Module):
    """Applies a linear layer whose initial kernel is 0, so that it starts constant.

    Attributes:
      start: The initial bias. Its length is the number of outputs.
    """

    start: tuple[float, ...]

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [..., C] to float32 [..., outputs]."""
        shape = (x.shape[-1], len(self.start))
        kernel = self.param("kernel", nn.initializers.zeros, shape)
        bias = self.param("bias", lambda key: jnp.asarray(self.start, jnp.float32))
        y = jnp.einsum("...c,cd->...d", x.astype(jnp.float32), kernel)
        return y + bias.reshape(*(1,) * (x.ndim - 1), -1)


class DeformableAttention(nn.Module):
    """Attends from each query to a few points of each level of a pyramid.

    At initialization, point i of a head is i pixels away from the query. Each head has
    its own direction. All points have equal weights.

    Attributes:
      heads: Number of attention heads.
      points: Number of points of each level that a head reads for a query.
      style: Settings of normalization and dtype, see `BlockConfig`. Points and their
        weights are computed in float32.

    Raises:
      ValueError: If the heads do not divide the channels.
    """

    heads: int = 8
    points: int = 4
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(
        self, query: Array, source: Array, centers: Array, sizes: Sequence[Size]
    ) -> Array:
        """Computes the attention.

        Args:
          query: [B, N, C].
          source: The pixels of all levels, level after level, [B, M, C].
          centers: The position (x, y) of each query, [N, 2], from 0 to 1.
          sizes: Height and width of each level.

        Returns:
          [B, N, C].
        """
        batch, count, channels = query.shape
        if channels % self.heads:
            raise ValueError(
                f"heads={self.heads} is invalid: expected a divisor of the number of "
                f"channels, {channels}."
            )
        shape = (batch, count, self.heads, len(sizes), self.points)
        offsets = ConstantStart(self._start(len(sizes)), name="offsets")(query)
        scale = jnp.asarray([[w, h] for h, w in sizes], jnp.float32)
        offsets = offsets.reshape(*shape, 2) / scale[None, None, None, :, None]
        locations = centers[None, :, None, None, None] + offsets
        weights = ConstantStart((0.0,) * math.prod(shape[2:]), name="weights")(query)
        weights = jax.nn.softmax(weights.reshape(*shape[:3], -1)).reshape(shape)
        values = Linear(channels, self.style, name="value")(source)
        y = deformable_attention(self._levels(values, sizes), locations, weights)
        return Linear(channels, self.style, name="out")(y.reshape(query.shape))

    def _levels(self, values: Array, sizes: Sequence[Size]) -> list[Array]:
        """Divides [B, M, C] into the maps of the levels, each [B, h, w, heads, D]."""
        depth, maps, start = values.shape[-1] // self.heads, [], 0
        for height, width in sizes:
            part = values[:, start : start + height * width]
            maps.append(part.reshape(-1, height, width, self.heads, depth))
            start = start + height * width
        return maps

    def _start(self, levels: int) -> tuple[float, ...]:
        """Returns the initial offsets in pixels, by head, level, point and axis."""
        start = []
        for head in range(self.heads):
            angle = 2 * math.pi * head / self.heads
            pair = math.cos(angle), math.sin(angle)
            largest = max(abs(value) for value in pair)
            for _ in range(levels):
                for point in range(1, self.points + 1):
                    start += [point * value / largest for value in pair]
        return tuple(start)
