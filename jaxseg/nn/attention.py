"""Attention over pixels and over channels.

PositionAttention and ChannelAttention: DANet (arXiv 1809.02983). NonLocal: Non-local
neural networks (arXiv 1711.07971). SqueezeExcite: arXiv 1709.01507. The papers'
equations are the defaults; forms that published checkpoints need are options.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import Style
from jaxseg.nn.layers import Conv, Norm
from jaxseg.ops.attention import attend
from jaxseg.ops.pool import max_pool
from jaxseg.typing import Array


def flatten_pixels(x: Array) -> Array:
    """[B, H, W, C] -> [B, H * W, C]."""
    return x.reshape(x.shape[0], -1, x.shape[-1])


def global_mean(x: Array) -> Array:
    """Mean over the map, summed in float32 [B, 1, 1, C] in the type of x."""
    mean = jnp.mean(x, axis=(1, 2), keepdims=True, dtype=jnp.float32)
    return mean.astype(x.dtype)


def attend_pixels(query: Array, key: Array, value: Array, scale: float, impl: str):
    """Single-head `attend` on maps [B, H, W, *]; the result has the query's size."""
    parts = [flatten_pixels(part)[:, :, None] for part in (query, key, value)]
    out = attend(*parts, scale=scale, impl=impl)
    return out.reshape(*query.shape[:3], -1)


class PositionAttention(nn.Module):
    """DANet's PAM: E = gamma * softmax_rows(Q K^T) V + x, gamma from 0, no 1/sqrt(d).

    [B, H, W, C] -> the same. `attention` is the `impl` of
    `jaxseg.ops.attention.attend`.
    """

    reduction: int = 8
    attention: str = "auto"
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """See the class."""
        channels = x.shape[-1]
        inner = max(channels // self.reduction, 1)

        def project(features, name):
            return Conv(features, kernel=1, style=self.style, name=name)(x)

        query, key = project(inner, "query"), project(inner, "key")
        value = project(channels, "value")
        context = attend_pixels(query, key, value, 1.0, self.attention)
        gamma = self.param("gamma", nn.initializers.zeros, ())
        return gamma.astype(x.dtype) * context.astype(x.dtype) + x


class ChannelAttention(nn.Module):
    """DANet's CAM: E = gamma * softmax_rows(A A^T) A + A over channels, gamma from 0.

    [B, H, W, C] -> the same. Differs with `variant="release"`: the authors' code and
    MMSegmentation take the softmax of max_row(A A^T) - A A^T, the negated similarity.
    """

    variant: str = "paper"
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """See the class."""
        flat = flatten_pixels(x)
        weights = channel_similarity(flat, self.variant).astype(x.dtype)
        context = jnp.einsum("bcd,bnd->bnc", weights, flat).reshape(x.shape)
        gamma = self.param("gamma", nn.initializers.zeros, ())
        return gamma.astype(x.dtype) * context + x


def channel_similarity(flat: Array, variant: str = "paper") -> Array:
    """CAM's weights of [B, N, C]: rows sum to 1 [B, C, C] float32."""
    if variant not in ("paper", "release"):
        raise ValueError(f'variant {variant!r} is not "paper" or "release"')
    gram = jnp.einsum("bnc,bnd->bcd", flat, flat, preferred_element_type=jnp.float32)
    return jax.nn.softmax(gram if variant == "paper" else -gram, axis=-1)


class NonLocal(nn.Module):
    """Non-local block, Z = W_z Y + x.

    mode "embedded_gaussian": Y = softmax_rows(scale theta(x) phi(x)^T) g(x);
    "gaussian": the same with theta = phi = identity; "dot_product":
    Y = theta(x) (phi(x)^T g(x)) / N; "concatenation":
    Y = relu(w_t . theta_n + w_p . phi_m) g_m / N. N counts the keys.

    Differs with `use_scale`: MMSegmentation divides the scores by sqrt(channels / 2).

    Args of the class:
      subsample: 2x2 max-pool on phi and g.
      norm_out: W_z without bias, followed by a norm with zero scale (else W_z itself
        starts at zero): the block is the identity at first.
      attention: `impl` of `jaxseg.ops.attention.attend`.
    """

    mode: str = "embedded_gaussian"
    reduction: int = 2
    use_scale: bool = False
    subsample: bool = False
    norm_out: bool = True
    attention: str = "auto"
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """[B, H, W, C] -> the same."""
        inner = max(x.shape[-1] // self.reduction, 1)

        def project(source, name):
            layer = Conv(
                inner, kernel=1, kernel_init="normal0.01", style=self.style, name=name
            )
            return layer(source)

        keys = max_pool(x, window=2, stride=2) if self.subsample else x
        value = project(keys, "g")
        if self.mode == "gaussian":
            y = attend_pixels(x, keys, value, 1.0, self.attention)
        else:
            y = self._pairwise(project(x, "theta"), project(keys, "phi"), value)
        return x + self._out(y.astype(x.dtype), x.shape[-1], train)

    def _pairwise(self, theta, phi, value):
        inner = theta.shape[-1]
        if self.mode == "embedded_gaussian":
            scale = inner**-0.5 if self.use_scale else 1.0
            return attend_pixels(theta, phi, value, scale, self.attention)
        query, key, flat = map(flatten_pixels, (theta, phi, value))
        count = key.shape[1]
        if self.mode == "dot_product":  # (theta phi^T) g = theta (phi^T g): no N x N
            inside = jnp.einsum("bnc,bnd->bcd", key, flat) / count
            y = jnp.einsum("bnc,bcd->bnd", query, inside)
        elif self.mode == "concatenation":
            weight = self.param("concat", nn.initializers.normal(0.01), (2 * inner,))
            left = jnp.einsum("bnc,c->bn", query, weight[:inner].astype(query.dtype))
            right = jnp.einsum("bnc,c->bn", key, weight[inner:].astype(key.dtype))
            pairs = jax.nn.relu(left[:, :, None] + right[:, None, :]) / count
            y = jnp.einsum("bnm,bmd->bnd", pairs, flat)
        else:
            raise ValueError(
                f'mode {self.mode!r} is not "embedded_gaussian", "gaussian", '
                '"dot_product" or "concatenation"'
            )
        return y.reshape(theta.shape)

    def _out(self, y, channels, train):
        if not self.norm_out:
            return Conv(channels, 1, kernel_init="zeros", style=self.style, name="out")(
                y
            )
        y = Conv(channels, 1, bias=False, style=self.style, name="out")(y)
        return Norm(self.style, scale_init=0.0, name="out_norm")(y, train=train)


class SqueezeExcite(nn.Module):
    """y = x * sigmoid(W_2 relu(W_1 mean_hw x)), W_1 to C / reduction channels."""

    reduction: int = 16
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """[B, H, W, C] -> the same."""
        channels = x.shape[-1]
        inner = max(channels // self.reduction, 1)
        gate = Conv(inner, kernel=1, style=self.style, name="squeeze")(global_mean(x))
        gate = jax.nn.relu(gate)
        gate = Conv(channels, kernel=1, style=self.style, name="excite")(gate)
        return x * jax.nn.sigmoid(gate)
