"""Runs `lax.conv_general_dilated`; removes kernel weights that read only padding."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax

from jaxseg.ops.open_size import is_open
from jaxseg.typing import Array

Pair = tuple[int, int]
_DIMENSIONS = ("NHWC", "HWIO", "NHWC")
NO_PADDING = ((0, 0), (0, 0))


class ConvWindow(NamedTuple):
    """Describes how a kernel slides over a map.

    Attributes:
      stride: The step between outputs, in pixels.
      rate: The atrous rates of rows and columns.
      padding: ((top, bottom), (left, right)), negative to crop.
      groups: Number of channel groups.
    """

    stride: Pair
    rate: Pair
    padding: tuple[Pair, Pair]
    groups: int = 1


def kernel_extent(kernel: Array, window: ConvWindow, axis: int) -> int:
    """Returns how many pixels a kernel covers along one axis at its atrous rate."""
    return window.rate[axis] * (kernel.shape[axis] - 1) + 1


def is_pointwise(kernel: Array) -> bool:
    """Returns whether a kernel has height 1 and width 1."""
    return kernel.shape[:2] == (1, 1)


def lax_conv(x: Array, kernel: Array, window: ConvWindow) -> Array:
    """Runs `lax.conv_general_dilated` on x [B, H, W, C] and kernel [kh, kw, C, O]."""
    return lax.conv_general_dilated(
        x,
        kernel,
        window_strides=window.stride,
        padding=window.padding,
        rhs_dilation=window.rate,
        dimension_numbers=_DIMENSIONS,
        feature_group_count=window.groups,
    )


def drop_idle_taps(
    x: Array, kernel: Array, window: ConvWindow
) -> tuple[Array, ConvWindow]:
    """Removes outer kernel rows and columns that read only padding at every output.

    It returns a pair: the smaller kernel, and the window with the smaller padding.

    For output row i, kernel row u reads row `u * rate - top + stride * i` of the map.
    Only leading and trailing kernel rows and columns are removed, so that the rest is a
    regular grid. If the kernel loses more rows than the padding has, the padding
    becomes negative, which crops the map. Nothing is removed if the size of the map is
    a symbol (`jaxseg.ops.open_size`).
    """
    if is_open(*x.shape[-3:-1]):
        return kernel, window
    pads = []
    for axis in (0, 1):
        size, (before, after) = x.shape[axis - 3], window.padding[axis]
        taps, rate, stride = kernel.shape[axis], window.rate[axis], window.stride[axis]
        count = (size + before + after - rate * (taps - 1) - 1) // stride + 1
        reach = stride * (count - 1)
        live = [u for u in range(taps) if -reach <= u * rate - before <= size - 1]
        first, last = (min(live), max(live)) if live else (0, taps - 1)
        kernel = lax.slice_in_dim(kernel, first, last + 1, axis=axis)
        pads.append((before - first * rate, after - (taps - 1 - last) * rate))
    return kernel, window._replace(padding=(pads[0], pads[1]))


def pad(x: Array, padding: tuple[Pair, Pair]) -> Array:
    """Pads x [B, H, W, C] with zeros; negative padding crops."""
    widths = ((0, 0, 0), (*padding[0], 0), (*padding[1], 0), (0, 0, 0))
    return lax.pad(x, jnp.zeros((), x.dtype), widths)
