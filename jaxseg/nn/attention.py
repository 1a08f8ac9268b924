"""Attention over pixels and over channels.

`PositionAttention` and `ChannelAttention` come from DANet (arXiv 1809.02983),
`NonLocal` from non-local neural networks (arXiv 1711.07971), `ChannelGate` from arXiv
1709.01507 and `SCSE` from arXiv 1803.02579. The defaults follow the equations of the
papers. Options select the variants that published checkpoints need.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, Norm
from jaxseg.ops.attention import attend_maps
from jaxseg.ops.graph import pool_nodes, spread_nodes
from jaxseg.ops.pool import max_pool
from jaxseg.typing import Array


def flatten_pixels(x: Array) -> Array:
    """Flattens the pixels of a map: [B, H, W, C] -> [B, H * W, C]."""
    return x.reshape(x.shape[0], -1, x.shape[-1])


def global_mean(x: Array) -> Array:
    """Averages a map over its pixels in float32.

    Args:
      x: [B, H, W, C].

    Returns:
      [B, 1, 1, C] in the dtype of `x`.
    """
    mean = jnp.mean(x, axis=(1, 2), keepdims=True, dtype=jnp.float32)
    return mean.astype(x.dtype)


def attend_pixels(query: Array, key: Array, value: Array, scale: float, impl: str):
    """Applies single-head attention from the pixels of one map to those of another.

    Args:
      query: [B, H, W, D].
      key: [B, h, w, D].
      value: [B, h, w, C].
      scale: The factor that multiplies the dot products before the softmax.
      impl: "plain" stores all attention scores at once, "block" a part of them at a
        time, and "auto" chooses, see `jaxseg.ops.attention.attend`.

    Returns:
      [B, H, W, C].
    """
    return attend_maps(query, key, value, scale=scale, impl=impl)


class PositionAttention(nn.Module):
    """Attends from every pixel to all pixels: the position attention of DANet.

    It computes gamma * softmax_rows(Q K^T) V + x. The scores are not divided by
    sqrt(d), and the learned scalar gamma starts at 0.

    Attributes:
      reduction: Queries and keys have C / reduction channels.
      attention: "plain" stores all attention scores at once, "block" a part of them at
        a time, and "auto" chooses by their number.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    reduction: int = 8
    attention: str = "auto"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Maps [B, H, W, C] to the same shape."""
        channels = x.shape[-1]
        inner = max(channels // self.reduction, 1)

        def project(features, name):
            return Conv(features, kernel=1, style=self.style, name=name)(x)

        query, key = project(inner, "query"), project(inner, "key")
        value = project(channels, "value")
        # Stored only if a caller asks for it, see `jaxseg.inference.attention`.
        self.sow("intermediates", "attention", {"query": query, "key": key, "scale": 1})
        context = attend_pixels(
            query, key=key, value=value, scale=1.0, impl=self.attention
        )
        gamma = self.param("gamma", nn.initializers.zeros, ())
        return gamma.astype(x.dtype) * context.astype(x.dtype) + x


class ChannelAttention(nn.Module):
    """Attends from every channel to all channels: the channel attention of DANet.

    Let row c of A contain the pixels of channel c. The result is
    gamma * softmax_rows(A A^T) A + A, where the learned scalar gamma starts at 0.

    Differs: `variant="release"` follows the authors' code and MMSegmentation, which
    take the softmax of the negated similarity, max_row(A A^T) - A A^T.
    """

    variant: str = "paper"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Maps [B, H, W, C] to the same shape."""
        weights = channel_similarity(x, self.variant).astype(x.dtype)
        context = spread_nodes(x, weights.swapaxes(1, 2))
        gamma = self.param("gamma", nn.initializers.zeros, ())
        return gamma.astype(x.dtype) * context + x


def channel_similarity(x: Array, variant: str = "paper") -> Array:
    """Computes the attention weights between the channels of a map.

    Args:
      x: [B, H, W, C], or [B, N, C] for N pixels.
      variant: "paper" takes the softmax of the similarity of two channels. "release"
        takes the softmax of the negated similarity.

    Returns:
      [B, C, C], float32; the rows sum to 1.

    Raises:
      ValueError: If the variant is unknown.
    """
    if variant not in ("paper", "release"):
        raise ValueError(
            f"variant={variant!r} is invalid: expected 'paper' or 'release'."
        )
    gram = pool_nodes(x, x, dtype=jnp.float32)
    return jax.nn.softmax(gram if variant == "paper" else -gram, axis=-1)


class NonLocal(nn.Module):
    """Adds non-local context to a map: Z = W_z Y + x.

    The mode determines Y:

    - "embedded_gaussian": Y = softmax_rows(scale theta(x) phi(x)^T) g(x).
    - "gaussian": as "embedded_gaussian", with theta and phi replaced by the identity.
    - "dot_product": Y = theta(x) (phi(x)^T g(x)) / N.
    - "concatenation": y_n = sum_m relu(w_t . theta_n + w_p . phi_m) g_m / N.

    theta, phi, g and W_z are 1x1 convolutions, w_t and w_p are learned vectors, and N
    is the number of pixels over which the sum runs. scale is 1 unless `use_scale` is
    True.

    Attributes:
      mode: One of the four modes above.
      reduction: theta, phi and g have C / reduction channels.
      use_scale: Whether "embedded_gaussian" divides the scores by the square root of
        the number of channels of theta. Differs: MMSegmentation does so, the paper
        does not.
      subsample: Whether to apply 2x2 max pooling before phi and g.
      norm_out: True gives W_z no bias and a normalization whose scale starts at 0.
        False starts W_z itself at 0. In both cases the block is the identity at
        initialization.
      attention: "plain" stores all attention scores at once, "block" a part of them at
        a time, and "auto" chooses by their number.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    mode: str = "embedded_gaussian"
    reduction: int = 2
    use_scale: bool = False
    subsample: bool = False
    norm_out: bool = True
    attention: str = "auto"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Maps [B, H, W, C] to the same shape."""
        inner = max(x.shape[-1] // self.reduction, 1)

        def project(source, name):
            layer = Conv(
                inner, kernel=1, kernel_init="normal0.01", style=self.style, name=name
            )
            return layer(source)

        keys = max_pool(x, window=2, stride=2) if self.subsample else x
        value = project(keys, "g")
        if self.mode == "gaussian":
            self._note(query=x, key=keys, scale=1)
            y = attend_pixels(x, key=keys, value=value, scale=1.0, impl=self.attention)
        else:
            y = self._pairwise(project(x, "theta"), project(keys, "phi"), value)
        return x + self._out(y.astype(x.dtype), x.shape[-1], train)

    def _pairwise(self, theta, phi, value):
        inner = theta.shape[-1]
        if self.mode == "embedded_gaussian":
            scale = inner**-0.5 if self.use_scale else 1.0
            self._note(query=theta, key=phi, scale=scale)
            return attend_pixels(
                theta, key=phi, value=value, scale=scale, impl=self.attention
            )
        if self.mode == "dot_product":
            self._note(query=theta, key=phi)
            # (theta phi^T) g = theta (phi^T g) avoids the N x N matrix.
            return spread_nodes(theta, pool_nodes(phi, value, normalize=True))
        query, key, flat = map(flatten_pixels, (theta, phi, value))
        count = key.shape[1]
        if self.mode == "concatenation":
            weight = self.param("concat", nn.initializers.normal(0.01), (2 * inner,))
            left = jnp.einsum("bnc,c->bn", query, weight[:inner].astype(query.dtype))
            right = jnp.einsum("bnc,c->bn", key, weight[inner:].astype(key.dtype))
            self._note(
                left=left.reshape(theta.shape[:3]), right=right.reshape(phi.shape[:3])
            )
            pairs = jax.nn.relu(left[:, :, None] + right[:, None, :]) / count
            y = jnp.einsum("bnm,bmd->bnd", pairs, flat)
        else:
            raise ValueError(
                f"mode={self.mode!r} is invalid: expected 'embedded_gaussian', "
                "'gaussian', 'dot_product' or 'concatenation'."
            )
        return y.reshape(theta.shape)

    def _note(self, **parts):
        """Stores the parts of the attention weights if a caller asks for them."""
        self.sow("intermediates", "attention", parts)

    def _out(self, y, channels, train):
        if not self.norm_out:
            return Conv(channels, 1, kernel_init="zeros", style=self.style, name="out")(
                y
            )
        y = Conv(channels, 1, bias=False, style=self.style, name="out")(y)
        return Norm(self.style, scale_init=0.0, name="out_norm")(y, train=train)


class ChannelGate(nn.Module):
    """Gates the channels: y = x * sigmoid(W_2 relu(W_1 mean_hw x)).

    mean_hw is the mean over all pixels. W_1 maps to C / reduction channels.
    """

    reduction: int = 16
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Maps [B, H, W, C] to the same shape."""
        channels = x.shape[-1]
        inner = max(channels // self.reduction, 1)
        gate = Conv(inner, kernel=1, style=self.style, name="squeeze")(global_mean(x))
        gate = jax.nn.relu(gate)
        gate = Conv(channels, kernel=1, style=self.style, name="excite")(gate)
        return x * jax.nn.sigmoid(gate)


class SCSE(nn.Module):
    """Gates channels and pixels: concurrent spatial and channel squeeze and excitation.

    It computes x * c + x * s. The gate c of each channel is computed from the average
    over the pixels, by two 1x1 convolutions. The gate s of each pixel is computed from
    its channels, by a single 1x1 convolution.

    Attributes:
      reduction: The first of the two convolutions has C // reduction channels. The
        value is 16 in segmentation_models.pytorch and 2 in the paper.
      style: Settings of normalization and dtype, see `BlockConfig`.

    References:
      arXiv 1803.02579, section 2.
    """

    reduction: int = 16
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, H, W, C] to the same shape."""
        channels = x.shape[-1]
        few = max(1, channels // self.reduction)
        squeezed = Conv(few, 1, style=self.style, name="squeeze")(global_mean(x))
        excite = Conv(channels, 1, style=self.style, name="excite")
        of_channel = nn.sigmoid(excite(nn.relu(squeezed)))
        of_pixel = nn.sigmoid(Conv(1, 1, style=self.style, name="pixel")(x))
        return x * of_channel + x * of_pixel
