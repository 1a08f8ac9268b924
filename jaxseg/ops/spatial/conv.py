"""Convolution of maps whose rows (and columns) are sharded over devices."""

import math

from jax import lax

from jaxseg.ops.lowering.plain_conv import (
    NO_PADDING,
    ConvWindow,
    is_pointwise,
    kernel_extent,
    lax_conv,
)
from jaxseg.ops.spatial.halo import Slide, windowed
from jaxseg.ops.spatial.layout import split_rows
from jaxseg.typing import Array


def shared_conv(x: Array, kernel: Array, window: ConvWindow) -> Array:
    """Convolves a sharded map; devices fetch border rows from neighboring devices.

    Args:
      x: [B, H, W, C], sharded by rows and columns.
      kernel: [kh, kw, C, O].
      window: Stride, atrous rate, padding and groups.

    Returns:
      [B, H', W', O], sharded by rows and columns.
    """
    if window == ConvWindow((1, 1), window.rate, NO_PADDING) and is_pointwise(kernel):
        return split_rows(lax.dot_general(x, kernel[0, 0], (((3,), (0,)), ((), ()))))

    height, width = (kernel_extent(kernel, window, axis) for axis in (0, 1))
    slide = Slide((height, width), window.stride)
    for a in (0, 1):
        slide = slide.fold(a, x.shape[a + 1], window.padding[a], kernel.shape[a])

    def local(x, padding, kernel):
        x, kernel = _unfolded(x, kernel, slide.folded, window.groups)
        return lax_conv(x, kernel, window._replace(padding=padding))

    return windowed(local, x, kernel, slide=slide, padding=window.padding)


def _unfolded(x, kernel, folded, groups):
    """Turns the kernel rows and columns of folded axes into channels.

    Args:
      x: [b, h, w, C], with an axis of kernel columns and one of kernel rows before the
        channels for the folded axes.
      kernel: [kh, kw, C / groups, O].
      folded: The number of kernel rows and columns of folded axes, 1 for others.
      groups: Number of channel groups.

    Returns:
      x [b, h, w, n * C] and the kernel, with height or width 1 for n folded entries.
    """
    many = math.prod(folded)
    if many == 1:
        return x, kernel
    place, channels = x.shape[:3], x.shape[-1]
    x = x.reshape(*place, many, groups, channels // groups).swapaxes(3, 4)
    (kh, kw, inner, out), (rows, columns) = kernel.shape, folded
    kernel = kernel.reshape(kh // rows, rows, kw // columns, columns, inner, out)
    kernel = kernel.transpose(0, 2, 3, 1, 4, 5)
    kernel = kernel.reshape(kh // rows, kw // columns, many * inner, out)
    return x.reshape(*place, -1), kernel
