"""Normalization whose mean and variance leave out padding.

It resembles `Norm` but is for batches whose examples are padded to equal length. The
statistics cover all positions that are not padding. Neither the outputs nor the running
statistics therefore depend on the amount of padding in a batch.
"""

import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxseg.nn.block_config import BlockConfig
from jaxseg.typing import Array


class MaskedNorm(nn.Module):
    """Normalizes x [B, ..., C] by statistics of the positions where `mask` is True.

    `mask` is [B, ...]. The parameters and running statistics have the names and shapes
    of `Norm`. Group norm computes its statistics over the valid positions of each
    example. Values at padded positions are finite but undefined.
    """

    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, mask: Array, *, train: bool) -> Array:
        if self.style.norm == "none":
            return x
        channels = (x.shape[-1],)
        scale = self.param("scale", nn.initializers.ones, channels)
        bias = self.param("bias", nn.initializers.zeros, channels)
        wide, share = x.astype(jnp.float32), mask[..., None].astype(jnp.float32)
        if self.style.norm in ("group", "instance"):
            own = self.style.groups if self.style.norm == "group" else x.shape[-1]
            mean, var = _group_moments(wide, share, own)
        else:
            mean, var = self._batch_moments(wide, share, train)
        if self.style.norm == "frozen":
            scale, bias = lax.stop_gradient((scale, bias))
        lead = (1,) * (x.ndim - 1)
        factor = scale.reshape(*lead, -1) * lax.rsqrt(var + self.style.epsilon)
        return (wide * factor + (bias.reshape(*lead, -1) - mean * factor)).astype(
            x.dtype
        )

    def _batch_moments(self, x, share, train):
        if self.style.batch_groups != 1:
            raise ValueError(
                f"batch_groups={self.style.batch_groups} is invalid: expected 1, "
                "because this network normalizes masked points."
            )
        channels, lead = x.shape[-1], (1,) * (x.ndim - 1)
        mean = self.variable("batch_stats", "mean", jnp.zeros, (channels,))
        var = self.variable("batch_stats", "var", jnp.ones, (channels,))
        if not train or self.style.norm == "frozen":
            return mean.value.reshape(*lead, -1), var.value.reshape(*lead, -1)
        axes = tuple(range(x.ndim - 1))
        sums = jnp.stack([(x * share).sum(axes), (x * x * share).sum(axes)])
        count = share.sum()
        if self.style.axis_name is not None and not self.is_initializing():
            sums, count = lax.psum((sums, count), self.style.axis_name)
        now = sums / jnp.maximum(count, 1.0)
        # Rounding can make the difference of the moments slightly negative.
        now = now[0], jnp.maximum(now[1] - now[0] ** 2, 0.0)
        if not self.is_initializing():
            keep = self.style.momentum
            mean.value = keep * mean.value + (1 - keep) * now[0]
            var.value = keep * var.value + (1 - keep) * now[1]
        return now[0].reshape(*lead, -1), now[1].reshape(*lead, -1)


def _group_moments(x, share, groups):
    """Returns mean and variance of the groups of each example, [B, 1, ..., C]."""
    channels, axes = x.shape[-1], tuple(range(1, x.ndim - 1))
    groups = next(g for g in range(groups, 0, -1) if channels % g == 0)
    width = channels // groups
    count = jnp.maximum(share.sum(axes, keepdims=True), 1.0) * width

    def mean_of(value):
        sums = (value * share).sum(axes, keepdims=True)
        sums = sums.reshape(*sums.shape[:-1], groups, width).sum(-1)
        return jnp.repeat(sums / count, width, -1)

    mean = mean_of(x)
    return mean, jnp.maximum(mean_of(x * x) - mean**2, 0.0)
