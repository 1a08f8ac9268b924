"""Max pooling, the position of each maximum, and writing values to these positions.

A position is the index of a pixel in its window, row by row, as int8. If several pixels
have the maximum, the first is taken, as in Caffe and PyTorch. Everything is written as
strided slices, selections and stacks. XLA's select-and-scatter is 5 to 15 times slower
on a CPU and has no deterministic form on a GPU, and a depth-to-space transposition of
concatenated maps takes 3 times as long as stacking.
"""

from collections.abc import Iterator, Sequence
from functools import reduce

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxseg.ops.lowering.portable import is_portable
from jaxseg.typing import Array

Pair = tuple[int, int]


def maximum(x: Array, window: Pair, stride: Pair) -> Array:
    """Returns the maximum of each window of x [B, H, W, C], without padding.

    The maximum of a window that contains NaN is NaN.
    """
    if window == (2, 2):
        return reduce(lax.max, (part for _, part in _cells(x, window, stride)))
    rows = reduce_max(x, (window[0], 1), (stride[0], 1))
    return reduce_max(rows, (1, window[1]), (1, stride[1]))


def reduce_max(x: Array, window: Pair, stride: Pair) -> Array:
    """Computes the maximum of each window by `lax.reduce_window`.

    The gradient is XLA's own.
    """
    low = np.array(-np.inf, x.dtype)
    return lax.reduce_window(x, low, lax.max, (1, *window, 1), (1, *stride, 1), "VALID")


def winners(x: Array, best: Array, window: Pair, stride: Pair) -> Array:
    """Returns the position of the maximum in each window; the first if several tie.

    The function compares each pixel with the known maximum. One loop that tracks the
    maximum and its position together is slower.

    Args:
      x: [B, H, W, C].
      best: The maximum of each window, [B, h, w, C].
      window: The height and width of a window.
      stride: The step between windows, in pixels.

    Returns:
      The positions, int8 [B, h, w, C]: row * width of the window + column within the
      window. They are 0 where the maximum is NaN.
    """
    # TFLite cannot compare int8 numbers.
    number = np.int32 if is_portable() else np.int8
    position = jnp.zeros(best.shape, number)
    for index, part in reversed(list(_cells(x, window, stride))):
        position = jnp.where(part == best, number(index), position)
    return position


def from_winners(x: Array, position: Array, window: Pair, stride: Pair) -> Array:
    """Reads one pixel of each window, at a given position in the window.

    Args:
      x: The map on which the windows slide, [B, H, W, C].
      position: The position in each window that is read, int8 [B, h, w, C].
      window: The height and width of a window.
      stride: The step between windows, in pixels.

    Returns:
      The values that are read, [B, h, w, C].
    """
    zero = np.zeros((), x.dtype)
    picked = (
        jnp.where(position == index, part, zero)
        for index, part in _cells(x, window, stride)
    )
    return reduce(lax.add, picked)


def to_winners(
    value: Array, position: Array, shape: Sequence[int], window: Pair, stride: Pair
) -> Array:
    """Adds one value per window to a map of zeros, at a given position in the window.

    Args:
      value: The value of each window, [B, h, w, C].
      position: The position in each window, int8 [B, h, w, C].
      shape: The shape of the result, (B, H, W, C).
      window: The height and width of a window.
      stride: The step between windows, in pixels.

    Returns:
      [B, H, W, C]. Values of overlapping windows at one pixel are summed.
    """
    sides = [-(-shape[a + 1] // stride[a]) for a in (0, 1)]
    zero = np.zeros((), value.dtype)

    def phase(a, b):
        """Sums what arrives at pixel (a, b) of each cell of the stride."""
        total = jnp.zeros((shape[0], *sides, shape[3]), value.dtype)
        for u in range(a, window[0], stride[0]):
            for v in range(b, window[1], stride[1]):
                share = jnp.where(position == u * window[1] + v, value, zero)
                low = (u // stride[0], v // stride[1])
                high = [sides[i] - low[i] - value.shape[i + 1] for i in (0, 1)]
                widths = ((low[0], high[0], 0), (low[1], high[1], 0))
                total += lax.pad(share, zero, ((0, 0, 0), *widths, (0, 0, 0)))
        return total

    phases = [[phase(a, b) for b in range(stride[1])] for a in range(stride[0])]
    return interleave(phases)[:, : shape[1], : shape[2]]


def interleave(phases: Sequence[Sequence[Array]]) -> Array:
    """Interleaves the pixels of s * t maps [B, h, w, C] to a map [B, s * h, t * w, C].

    `phases` contains s sequences of t maps each.

    y[:, s * i + a, t * j + b] = phases[a][b][:, i, j]
    """
    b, h, w, c = phases[0][0].shape
    s, t = len(phases), len(phases[0])
    rows = [jnp.stack(row, 3).reshape(b, h, w * t, c) for row in phases]
    return jnp.stack(rows, 2).reshape(b, h * s, w * t, c)


def _cells(x: Array, window: Pair, stride: Pair) -> Iterator[tuple[int, Array]]:
    """Yields (index, strided slice) for each cell of the window, row by row."""
    counts = [(x.shape[a + 1] - window[a]) // stride[a] + 1 for a in (0, 1)]
    for u in range(window[0]):
        for v in range(window[1]):
            bottom = u + stride[0] * (counts[0] - 1) + 1
            right = v + stride[1] * (counts[1] - 1) + 1
            part = x[:, u : bottom : stride[0], v : right : stride[1]]
            yield u * window[1] + v, part
