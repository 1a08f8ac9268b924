"""One decoder block of U-Net and Unet++: upsampling, skip map and two convolutions."""

import dataclasses
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxseg.nn.attention import SCSE
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import ConvNormAct, initializer
from jaxseg.nn.norm import Norm
from jaxseg.ops.unpool import nearest
from jaxseg.ops.upsample_conv import doubled_conv
from jaxseg.typing import Array, Size

ATTENTION = ("none", "scse")


class _DoubledConv(nn.Module):
    """Holds the kernel [3, 3, C + D, features] of `doubled_conv`, and its bias."""

    features: int
    style: BlockConfig
    bias: bool

    @nn.compact
    def __call__(self, low, skip, size):
        channels = low.shape[-1] + (0 if skip is None else skip.shape[-1])
        shape, dtype = (3, 3, channels, self.features), self.style.dtype
        kernel = self.param("kernel", initializer("he"), shape).astype(dtype)
        skip = None if skip is None else skip.astype(dtype)
        impl = self.style.impl
        x = doubled_conv(low.astype(dtype), skip, kernel, size=size, impl=impl)
        if not self.bias:
            return x
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return x + bias.astype(dtype).reshape(1, 1, 1, -1)


class _DoubledConvNormAct(nn.Module):
    """Applies `ConvNormAct` to the concatenation of the doubled `low` and `skip`."""

    features: int
    style: BlockConfig
    bias: bool

    @nn.compact
    def __call__(self, low, skip, size, *, train):
        conv = _DoubledConv(self.features, self.style, self.bias, name="conv")
        x = Norm(self.style, name="norm")(conv(low, skip, size), train=train)
        return nn.relu(x)


@dataclasses.dataclass(frozen=True)
class UpBlock:
    """Doubles the size of a map, appends a skip map and applies 3x3 convolutions.

    The channels of the skip map follow those of the doubled map. There are two
    convolutions.

    A call adds the modules `NAME_conv1`, `NAME_conv2` and, with attention,
    `NAME_attention1` and `NAME_attention2` to the module that calls it. NAME is the
    argument `name`.

    Attributes:
      attention: "none", or "scse" to apply the gate `SCSE` to the joined maps and to
        the result, like `decoder_attention_type` in segmentation_models.pytorch.
        Without a skip map, the first gate has parameters but is not applied, as in that
        library.
      style: Settings of normalization and dtype, see `BlockConfig`.
      bias: Whether the convolutions have a bias.

    Raises:
      ValueError: If `attention` is unknown.
    """

    attention: str = "none"
    style: BlockConfig = BlockConfig()
    bias: bool = False

    def __post_init__(self):
        if self.attention not in ATTENTION:
            raise ValueError(
                f"attention={self.attention!r} is invalid: expected one of {ATTENTION}."
            )

    def __call__(
        self,
        x: Array,
        skip: Array | None,
        size: Size,
        *,
        features: int,
        name: str,
        train: bool,
    ) -> Array:
        """Maps [B, h, w, C] and a skip map to [B, *size, features].

        Args:
          x: The map, whose sides are half of `size`, rounded up. Other sides are cut or
            extended.
          skip: [B, *size, S], or None.
          size: The height and width of the result.
          features: Number of channels of the result.
          name: The beginning of the names of the modules.
          train: Whether the network is in training mode.
        """
        x = cut_or_extend(x, size)
        gated = self.attention == "scse"
        options: dict[str, Any] = {"bias": self.bias, "style": self.style}
        if gated:
            gate = SCSE(style=self.style, name=f"{name}_attention1")
            if skip is None:
                gate(x)
        if gated and skip is not None:
            x = nearest(x, 2)[:, : size[0], : size[1]]
            x = gate(jnp.concatenate([x, skip.astype(x.dtype)], axis=-1))
            first = ConvNormAct(features, 3, name=f"{name}_conv1", **options)
            x = first(x, train=train)
        else:
            doubled = _DoubledConvNormAct(features, name=f"{name}_conv1", **options)
            x = doubled(x, skip, size, train=train)
        second = ConvNormAct(features, 3, name=f"{name}_conv2", **options)
        x = second(x, train=train)
        return SCSE(style=self.style, name=f"{name}_attention2")(x) if gated else x


def up_block(attention: str, norm: str | None, style: BlockConfig) -> UpBlock:
    """Returns a decoder block whose normalization can differ from the network's.

    Args:
      attention: "scse" to gate channels and pixels in the block, or "none".
      norm: The normalization of the decoder, a value of `BlockConfig.norm`. If it is
        None, the decoder has that of the network. With "none", the convolutions have a
        bias.
      style: The network's settings, see `BlockConfig`.
    """
    if norm is not None:
        style = dataclasses.replace(style, norm=norm)
    return UpBlock(attention, style, bias=norm == "none")


def cut_or_extend(x: Array, size: Size) -> Array:
    """Cuts or extends a map so that its sides are half of `size`, rounded up.

    Backbones that round sizes down lack a row or column, so the last one is repeated.
    Backbones that follow Caffe's size rule have one too many, which is cut off.

    Args:
      x: [B, h, w, C].
      size: The height and width of the map to which the doubled map is joined.
    """
    for axis, side in zip((1, 2), size, strict=True):
        missing = -(-side // 2) - x.shape[axis]
        if missing < 0:
            x = lax.slice_in_dim(x, 0, x.shape[axis] + missing, axis=axis)
        elif missing > 0:
            widths = [(0, missing if a == axis else 0) for a in range(x.ndim)]
            x = jnp.pad(x, widths, mode="edge")
    return x
