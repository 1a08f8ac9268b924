"""Vector self-attention of points (Zhao et al., Point Transformer, arXiv 2012.09164).

With delta = theta(p_j - p_i), the attention of point i to its nearest neighbors j is

    y_i = sum_j softmax_j(gamma(psi(x_j) - phi(x_i) + delta)) * (alpha(x_j) + delta).

The implementation follows the authors' code.

Differs: the paper computes phi - psi and p_i - p_j; the authors' code, like this
module, subtracts in the other order. The paper has one weight per channel. Here the
channels are divided into groups, and all groups use the same weights.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import initializer
from jaxseg.nn.masked_norm import MaskedNorm
from jaxseg.ops.points import gather
from jaxseg.typing import Array

FAR = -1e30  # The score of a missing neighbor; exp() of it is 0.


class VectorAttention(nn.Module):
    """Attends from each point to its neighbors: [B, N, C] -> [B, N, C].

    A group consists of C / groups consecutive channels. Each neighbor has C / groups
    weights, of which weight i multiplies channel i of every group.

    Attributes:
      groups: Number of groups of channels, a divisor of C.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    groups: int = 8
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(
        self,
        points: Array,
        x: Array,
        index: Array,
        valid: Array,
        mask: Array,
        *,
        train: bool,
    ) -> Array:
        """Applies the attention.

        Args:
          points: Positions [B, N, 3].
          x: Features [B, N, C].
          index: Indices of the neighbors [B, N, k].
          valid: Bool [B, N, k], False where a point has fewer than k neighbors.
          mask: Bool [B, N], False at padding.
          train: Whether to use the statistics of the batch.

        Returns:
          [B, N, C].

        Raises:
          ValueError: If the groups do not divide C.
        """
        channels = x.shape[-1]
        if channels % self.groups:
            raise ValueError(
                f"groups={self.groups} is invalid: expected a divisor of the "
                f"{channels} channels."
            )
        narrow, pair = channels // self.groups, valid & mask[..., None]

        def linear(features, name):
            return dense(features, name, self.style)

        def norm_relu(value, name):
            normalized = MaskedNorm(self.style, name=name)(value, pair, train=train)
            return nn.relu(normalized)

        query, key = linear(channels, "query")(x), linear(channels, "key")(x)
        value = gather(linear(channels, "value")(x), index)
        delta = linear(3, "position_in")(relative(points, index))
        delta = norm_relu(delta, "position_norm")
        delta = linear(channels, "position_out")(delta)
        score = gather(key, index) - query[:, :, None] + delta
        score = linear(narrow, "score_in")(norm_relu(score, "score_norm_in"))
        score = linear(narrow, "score_out")(norm_relu(score, "score_norm_out"))
        weight = neighbor_softmax(score, valid).astype(x.dtype)
        self.sow("intermediates", "weight", weight)
        grouped = (value + delta).reshape(*value.shape[:-1], self.groups, narrow)
        return (grouped * weight[..., None, :]).sum(2).reshape(x.shape)


def dense(
    features: int, name: str, style: BlockConfig, *, bias: bool = True
) -> nn.Dense:
    """Returns a linear layer with He initialization that acts on the last axis."""
    return nn.Dense(
        features,
        use_bias=bias,
        dtype=style.dtype,
        kernel_init=initializer("he"),
        name=name,
    )


def relative(points: Array, index: Array, center: Array | None = None) -> Array:
    """Returns the positions of the neighbors of each point, relative to that point.

    Args:
      points: Positions [B, N, 3].
      index: Indices of the neighbors [B, M, k].
      center: Positions of the M points that have the neighbors, [B, M, 3]; None takes
        `points`.

    Returns:
      [B, M, k, 3].
    """
    center = points if center is None else center
    return gather(points, index) - center[:, :, None]


def neighbor_softmax(score: Array, valid: Array) -> Array:
    """Computes a softmax over the neighbors, in float32.

    Args:
      score: [B, N, k, C].
      valid: Bool [B, N, k], False for missing neighbors.

    Returns:
      [B, N, k, C], 0 for missing neighbors. A point without neighbors gets zeros.
    """
    there = valid[..., None]
    score = jnp.where(there, score.astype(jnp.float32), FAR)
    return jnp.where(there, jax.nn.softmax(score, axis=2), 0.0)
