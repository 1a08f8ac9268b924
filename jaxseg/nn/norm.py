"""Normalization: batch (synchronized or frozen), group, instance, or none.

Batch norm (arXiv 1502.03167) costs one multiplication and one addition per value. Mean
and variance come from one float32 pass, E[x^2] - E[x]^2. The running statistics contain
the biased variance, as in flax. Those of PyTorch contain the unbiased one.

If the batch is normalized as a whole, a layer needs one all-reduce of both moments in
the forward pass and one in the backward pass. `BlockConfig.batch_groups` normalizes
parts of the batch instead (ghost batch normalization, arXiv 1705.08741). A part whose
examples are all on one device needs no communication. The running statistics are then
means over the parts, and XLA combines the all-reduces of all layers into one.

Differs: all layers of a network have the same momentum, `BlockConfig.momentum`. Its
default, 0.9, is that of PyTorch. Code that starts from pretrained weights often has a
larger one: 0.99 in HRNet and in torchvision's MobileNet v3, 0.999 in DeepLab v2 as
ported to PyTorch, 0.9995 in DUC, 0.9997 in DenseASPP's branches and in TensorFlow's
DeepLab. If a network is trained from scratch for a few thousand steps with such a
momentum, its running statistics still reflect much earlier weights at the end.
"""

import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxseg.nn.block_config import BlockConfig
from jaxseg.ops.batch_norm import whole_batch_norm
from jaxseg.typing import Array


class Norm(nn.Module):
    """Normalizes each channel (the last axis) by the method that `style.norm` names.

    The parameters are scale and bias [C]. With "batch" and "frozen", the collection
    `batch_stats` holds mean and var [C]. "instance" (arXiv 1607.08022) is "group" with
    one channel per group.

    Attributes:
      style: Settings of normalization and dtype, see `BlockConfig`.
      epsilon: Added to the variance; None takes `style.epsilon`.
      scale_init: Initial value of the scale.
    """

    style: BlockConfig = BlockConfig()
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
        epsilon = self.style.epsilon if self.epsilon is None else self.epsilon
        if train and self._is_one_batch():
            found = whole_batch_norm(x, scale, bias, epsilon=epsilon)
            if found is not None:
                running, spread = self._running(channels)
                self._update(running, spread, found[1:])
                return found[0]
        if self.style.norm in ("group", "instance"):
            mean, var = self._group_statistics(x)
        else:
            mean, var = self._batch_statistics(x, train)
        if self.style.norm == "frozen":
            scale, bias = lax.stop_gradient((scale, bias))
        mean, var = (_over_last_axis(v, x.ndim) for v in (mean, var))
        factor = _over_last_axis(scale, x.ndim) * lax.rsqrt(var + epsilon)
        shift = _over_last_axis(bias, x.ndim) - mean * factor
        return (x.astype(jnp.float32) * factor + shift).astype(x.dtype)

    def _batch_statistics(self, x, train):
        mean, var = self._running(x.shape[-1])
        if not train or self.style.norm == "frozen":
            return mean.value, var.value
        parts = 1 if self.is_initializing() else self._parts(x)
        x = x.astype(jnp.float32)
        if parts > 1:
            x = x.reshape(parts, -1, *x.shape[1:])
        axes = tuple(range(min(parts - 1, 1), x.ndim - 1))
        moments = jnp.stack([x.mean(axes), (x * x).mean(axes)])  # [2, C], [2, parts, C]
        name = self.style.axis_name if self.style.batch_groups == 1 else None
        if name is not None and not self.is_initializing():
            moments = lax.pmean(moments, name)
        # Rounding can make the difference of the moments slightly negative.
        now = moments[0], jnp.maximum(moments[1] - moments[0] ** 2, 0)
        if not self.is_initializing():
            self._update(mean, var, [v if parts == 1 else v.mean(0) for v in now])
        return now if parts == 1 else tuple(_for_examples(v, x.shape) for v in now)

    def _is_one_batch(self):
        """Returns whether the statistics cover the whole batch, on one device."""
        style = self.style
        whole = style.norm == "batch" and style.batch_groups == 1
        alone = style.axis_name is None and not self.is_initializing()
        return whole and alone and style.impl == "auto"

    def _running(self, channels):
        mean = self.variable("batch_stats", "mean", jnp.zeros, (channels,))
        return mean, self.variable("batch_stats", "var", jnp.ones, (channels,))

    def _update(self, mean, var, moments):
        """Moves the running statistics towards the moments of this batch."""
        keep = self.style.momentum
        for running, new in zip((mean, var), moments, strict=True):
            running.value = keep * running.value + (1 - keep) * new

    def _parts(self, x):
        """Returns the number of ghost-batch groups (under pmap, on this device)."""
        parts, name, devices = self.style.batch_groups, self.style.axis_name, 1
        if name is not None and parts > 1:
            devices = lax.axis_size(name)
        if parts > 1 and (parts % devices or x.shape[0] % (parts // devices)):
            raise ValueError(
                f"batch_groups={parts} is invalid for {x.shape[0]} examples on each of "
                f"{devices} devices: expected a multiple of {devices} that divides "
                f"{x.shape[0] * devices}."
            )
        return max(1, parts // devices)

    def _group_statistics(self, x):
        channels, groups = x.shape[-1], self.style.groups
        groups = channels if self.style.norm == "instance" else groups
        if channels % groups:
            # The largest number of groups that divides narrow layers evenly.
            groups = next(g for g in range(groups, 0, -1) if channels % g == 0)
        x = x.astype(jnp.float32)
        # Pixels first: a map whose rows are sharded over devices keeps its form.
        axes = tuple(range(1, x.ndim - 1))
        mean, square = (
            moment.mean(axes).reshape(x.shape[0], groups, -1).mean(-1)
            for moment in (x, x * x)
        )
        var = jnp.maximum(square - mean**2, 0)
        shape = (x.shape[0], 1, 1, channels)
        mean = jnp.repeat(mean, channels // groups, -1).reshape(shape)
        return mean, jnp.repeat(var, channels // groups, -1).reshape(shape)


def _for_examples(values, shape):
    """Expands [parts, C] to [B, 1, ..., C] for an input [parts, B / parts, ..., C]."""
    parts, size, *inner, channels = shape
    values = jnp.broadcast_to(values[:, None], (parts, size, channels))
    return values.reshape(parts * size, *[1] * len(inner), channels)


def _over_last_axis(values, ndim):
    """Reshapes [C] to [1, ..., C]; group statistics are [B, 1, ..., C] already."""
    return values if values.ndim == ndim else values.reshape((1,) * (ndim - 1) + (-1,))
