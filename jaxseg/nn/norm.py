"""Normalisation: batch (synchronised or frozen), group, or none.

Batch norm (arXiv 1502.03167) applies one multiply and one add per value; mean and
variance are taken in one float32 pass, E[x^2] - E[x]^2. Running statistics keep the
biased variance, as flax does (PyTorch stores the unbiased one).
"""

import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxseg.nn.style import Style
from jaxseg.typing import Array


class Norm(nn.Module):
    """The normalisation that `style.norm` names, over the last axis's channels.

    Parameters scale and bias [C]; with "batch" and "frozen" the collection
    `batch_stats` holds mean and var [C].
    """

    style: Style = Style()
    epsilon: float | None = None
    scale_init: float = 1.0

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        if self.style.norm == "none":
            return x
        channels = x.shape[-1]
        start = nn.initializers.constant(self.scale_init)
        scale = self.param("scale", start, (channels,))
        bias = self.param("bias", nn.initializers.zeros, (channels,))
        if self.style.norm == "group":
            mean, var = self._group_statistics(x)
        else:
            mean, var = self._batch_statistics(x, train)
        if self.style.norm == "frozen":
            scale, bias = lax.stop_gradient((scale, bias))
        epsilon = self.style.epsilon if self.epsilon is None else self.epsilon
        mean, var = (_over_last_axis(v, x.ndim) for v in (mean, var))
        factor = _over_last_axis(scale, x.ndim) * lax.rsqrt(var + epsilon)
        shift = _over_last_axis(bias, x.ndim) - mean * factor
        return (x.astype(jnp.float32) * factor + shift).astype(x.dtype)

    def _batch_statistics(self, x, train):
        channels = (x.shape[-1],)
        mean = self.variable("batch_stats", "mean", jnp.zeros, channels)
        var = self.variable("batch_stats", "var", jnp.ones, channels)
        if not train or self.style.norm == "frozen":
            return mean.value, var.value
        axes = tuple(range(x.ndim - 1))
        x = x.astype(jnp.float32)
        moments = jnp.stack([x.mean(axes), (x * x).mean(axes)])
        if self.style.axis_name is not None and not self.is_initializing():
            moments = lax.pmean(moments, self.style.axis_name)
        now = moments[0], jnp.maximum(moments[1] - moments[0] ** 2, 0)
        if not self.is_initializing():
            keep = self.style.momentum
            mean.value = keep * mean.value + (1 - keep) * now[0]
            var.value = keep * var.value + (1 - keep) * now[1]
        return now

    def _group_statistics(self, x):
        channels, groups = x.shape[-1], self.style.groups
        if channels % groups:
            groups = next(g for g in range(groups, 0, -1) if channels % g == 0)
        x = x.astype(jnp.float32).reshape(x.shape[0], -1, groups, channels // groups)
        mean = x.mean((1, 3))
        var = jnp.maximum((x * x).mean((1, 3)) - mean**2, 0)
        shape = (x.shape[0], 1, 1, channels)
        mean = jnp.repeat(mean, channels // groups, -1).reshape(shape)
        return mean, jnp.repeat(var, channels // groups, -1).reshape(shape)


def _over_last_axis(values, ndim):
    """[C] as [1, ..., C]; statistics of groups come as [B, 1, 1, C] already."""
    return values if values.ndim == ndim else values.reshape((1,) * (ndim - 1) + (-1,))
