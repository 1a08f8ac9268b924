"""Normalization that leaves padding out of its statistics.

As `Norm`, for examples that fill a part of their array: means are taken over the true
entries of all examples, so that neither the outputs nor the running statistics depend
on how much padding a batch holds.
"""

import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxseg.nn.block_config import Style
from jaxseg.typing import Array


class MaskedNorm(nn.Module):
    """Normalize x [B, ..., C] where `mask` [B, ...] is True.

    Parameters and collections are those of `Norm`; group norm is over the true entries
    of each example. What comes out at padding means nothing, but is finite.
    """

    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array, mask: Array, *, train: bool) -> Array:
        if self.style.norm == "none":
            return x
        channels = (x.shape[-1],)
        scale = self.param("scale", nn.initializers.ones, channels)
        bias = self.param("bias", nn.initializers.zeros, channels)
        wide, share = x.astype(jnp.float32), mask[..., None].astype(jnp.float32)
        if self.style.norm == "group":
            mean, var = _group_moments(wide, share, self.style.groups)
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
                f"batch_groups is {self.style.batch_groups}; with masks only 1 is "
                "allowed"
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
        now = now[0], jnp.maximum(now[1] - now[0] ** 2, 0.0)
        if not self.is_initializing():
            keep = self.style.momentum
            mean.value = keep * mean.value + (1 - keep) * now[0]
            var.value = keep * var.value + (1 - keep) * now[1]
        return now[0].reshape(*lead, -1), now[1].reshape(*lead, -1)


def _group_moments(x, share, groups):
    """Mean and variance of each example's groups, [B, 1, ..., C]."""
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
