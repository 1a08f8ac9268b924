"""Replaces strides by atrous rates so that the computed features stay the same.

A layer whose stride is removed keeps its rate, and the rate of every later layer is
multiplied by the removed stride (arXiv 1606.00915, section 3.1). If n is the product of
the removed strides, every n-th pixel of the resulting features then exactly equals a
pixel of the network with strides, because all padding is symmetric and scales with the
rate. Several ports change the rates one layer too early, which breaks this equality.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxseg.ops.pool import avg_pool, max_pool
from jaxseg.typing import Array


class Step(NamedTuple):
    """Contains the stride and the atrous rate of a layer, and the rate of the next one.

    Attributes:
      stride: The stride of the layer.
      rate: The atrous rate of the layer.
      next: The atrous rate of the layers after it, until another stride is replaced.
    """

    stride: int
    rate: int
    next: int


def atrous_plan(strides: Sequence[int], output_stride: int) -> tuple[Step, ...]:
    """Plans the stride and the rates of each layer of a network.

    Args:
      strides: Strides of the layers from the image on; 1 for layers without a stride.
      output_stride: Image size divided by feature size. It must equal the product of
        the first n strides for some n.

    Returns:
      A `Step` for each layer.

    Raises:
      ValueError: If `output_stride` is not the product of the first n strides for any
        n.

    >>> [tuple(step) for step in atrous_plan((2, 2, 2), 2)]
    [(2, 1, 1), (1, 1, 2), (1, 2, 4)]
    """
    reachable = [int(n) for n in np.cumprod(strides)]
    if output_stride not in reachable:
        raise ValueError(
            f"output_stride={output_stride} is invalid: expected one of "
            f"{sorted(set(reachable))}."
        )
    steps, total, rate = [], 1, 1
    for stride in strides:
        if total == output_stride:
            steps.append(Step(1, rate, rate * stride))
            rate *= stride
        else:
            total *= stride
            steps.append(Step(stride, rate, rate))
    return tuple(steps)


def pool_max(
    x: Array, step: Step, *, window: int, padding: int = 0, ceil: bool = False
) -> Array:
    """Applies max pooling whose stride may be replaced by an atrous rate.

    Args:
      x: The map [B, H, W, C].
      step: The stride of the pooling, and the atrous rate: the distance between the
        pixels of a window.
      window: Number of pixels along a side of the window.
      padding: The padding of each side in the network with strides. It is multiplied by
        the atrous rate.
      ceil: Whether a window that extends beyond the last pixel also gives an output, as
        in Caffe.
    """
    if step.stride > 1 and step.rate == 1:
        return max_pool(
            x, window=window, stride=step.stride, padding=padding, ceil=ceil
        )
    widths = _widths(step, padding, ceil)
    low = np.array(-np.inf, x.dtype)
    x = lax.pad(x, low, ((0, 0, 0), (*widths, 0), (*widths, 0), (0, 0, 0)))
    for axis in (1, 2):
        parts = _shifts(x, axis=axis, window=window, rate=step.rate)
        best = parts[0]
        for part in parts[1:]:
            best = jnp.maximum(best, part)
        x = best
    return x


def pool_average(x: Array, step: Step, *, window: int) -> Array:
    """Applies average pooling whose stride may be replaced by an atrous rate.

    There is no padding.

    Args:
      x: The map [B, H, W, C].
      step: The stride of the pooling, and the atrous rate: the distance between the
        pixels of a window.
      window: Number of pixels along a side of the window.
    """
    if step.stride > 1 and step.rate == 1:
        return avg_pool(x, window=window, stride=step.stride)
    for axis in (1, 2):
        x = sum(_shifts(x, axis=axis, window=window, rate=step.rate)) / window
    return x


def _widths(step, padding, ceil):
    """Returns the padding of a dense map; `ceil` adds a cell of the strided grid."""
    before = padding * step.rate
    return before, before + (step.rate if ceil else 0)


def _shifts(x, axis, window, rate):
    size = x.shape[axis] - rate * (window - 1)
    if size < 1:
        raise ValueError(
            f"map size={x.shape[axis]} is invalid: expected at least "
            f"{rate * (window - 1) + 1} pixels for a pooling window of {window} at "
            f"rate {rate}. Use a larger image or a larger output stride."
        )
    return [
        lax.slice_in_dim(x, k * rate, k * rate + size, axis=axis) for k in range(window)
    ]
