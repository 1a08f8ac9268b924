"""Vector self-attention of points (Zhao et al., Point Transformer, arXiv 2012.09164).

y_i = sum_j softmax_j(gamma(psi(x_j) - phi(x_i) + delta)) * (alpha(x_j) + delta) over
the nearest neighbors j of point i, with delta = theta(p_j - p_i). Faithful to the
authors' code.

Differs: as there, the signs of phi - psi and p_i - p_j are reversed against the paper,
and 8 groups of channels share their weights, where the paper has one per channel.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import Style
from jaxseg.nn.layers import initializer
from jaxseg.nn.masked_norm import MaskedNorm
from jaxseg.ops.points import gather
from jaxseg.typing import Array

FAR = -1e30  # score of a neighbor that is not there


class VectorAttention(nn.Module):
    """Attention of each point to its neighbors, [B, N, C] -> [B, N, C].

    Channel c takes weight c mod (C / groups): groups share their weights.

    Attributes:
      groups: divides C.
    """

    groups: int = 8
    style: Style = Style()

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
        """Attends.

        Args:
          points: positions [B, N, 3].
          x: features [B, N, C].
          index: neighbors [B, N, k].
          valid: bool [B, N, k], False where there are fewer than k.
          mask: bool [B, N], False at padding.
        """
        channels = x.shape[-1]
        if channels % self.groups:
            raise ValueError(
                f"channels {channels} cannot be divided into groups {self.groups}"
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


def dense(features: int, name: str, style: Style, *, bias: bool = True) -> nn.Dense:
    """A linear map of the last axis."""
    return nn.Dense(
        features,
        use_bias=bias,
        dtype=style.dtype,
        kernel_init=initializer("he"),
        name=name,
    )


def relative(points: Array, index: Array, center: Array | None = None) -> Array:
    """Positions of neighbors seen from `center` [B, M, 3] (default: the points)."""
    center = points if center is None else center
    return gather(points, index) - center[:, :, None]


def neighbor_softmax(score: Array, valid: Array) -> Array:
    """Softmax float32 over the neighbors, axis 2 of [B, N, k, C]; 0 for missing ones.

    A point without any neighbor gets zeros.
    """
    there = valid[..., None]
    score = jnp.where(there, score.astype(jnp.float32), FAR)
    return jnp.where(there, jax.nn.softmax(score, axis=2), 0.0)
