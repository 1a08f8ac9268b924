"""Pools maps in a program that is exported for images of any size.

While such a program is traced, the size of a map is a symbol (see
`jaxseg.ops.open_size`). The program therefore computes when it runs which rows and
columns each value of the result covers.
"""

from typing import Any

import jax.numpy as jnp

from jaxseg.typing import Array


def bin_limits(size: Any, count: int) -> tuple[Array, Array]:
    """Returns two arrays: where the bins of adaptive pooling start and where they stop.

    Both are int32 [count]. Bin i covers the rows (or columns) from floor(i * size /
    count) up to, but not including, ceil((i + 1) * size / count).

    Args:
      size: The number of rows or columns.
      count: The number of bins.
    """
    index = jnp.arange(count)
    return index * size // count, -(-(index + 1) * size // count)


def window_limits(size: Any, *, window: Any, stride: int) -> tuple[Array, Array]:
    """Returns where each window of a pooling without padding starts and stops.

    Args:
      size: The number of rows or columns.
      window: The number of rows or columns of a window.
      stride: The step between the first rows or columns of neighboring windows.

    Returns:
      Two arrays, int32 [n]: the index of the first row or column of each window, and
      the index of the row or column after its last one.
    """
    start = stride * jnp.arange((size - window) // stride + 1)
    return start, start + window


def mean_between(x: Array, axis: int, start: Array, stop: Array) -> Array:
    """Computes the mean over each of several intervals of rows or columns.

    Args:
      x: A map [B, H, W, C].
      axis: 1 for rows, 2 for columns.
      start: The first row or column of each interval, int32 [n].
      stop: The row or column after the last one of each interval, int32 [n].

    Returns:
      The means, [B, n, W, C] for rows and [B, H, n, C] for columns.
    """
    weights = _inside(x.shape[axis], start, stop) / (stop - start)[:, None]
    mean = jnp.tensordot(weights.astype(x.dtype), x, axes=(1, axis))
    return jnp.moveaxis(mean, 0, axis)


def max_between(x: Array, axis: int, start: Array, stop: Array) -> Array:
    """Computes the maximum over each of several intervals of rows or columns.

    Args:
      x: A map [B, H, W, C].
      axis: 1 for rows, 2 for columns.
      start: The first row or column of each interval, int32 [n].
      stop: The row or column after the last one of each interval, int32 [n].

    Returns:
      The maxima, [B, n, W, C] for rows and [B, H, n, C] for columns.
    """
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]
    parts = [
        jnp.where(row.reshape(shape), x, -jnp.inf).max(axis, keepdims=True)
        for row in _inside(x.shape[axis], start, stop)
    ]
    return jnp.concatenate(parts, axis)


def _inside(size, start, stop):
    index = jnp.arange(size)[None]
    return (index >= start[:, None]) & (index < stop[:, None])
