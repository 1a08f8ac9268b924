"""Gathers eight neighbors of every pixel, at a given distance.

The eight neighbors are the positions of a 3x3 kernel at an atrous rate, without its
center. The affinity fields of arXiv 1803.10335 read them at distances of 1, 2 and 3
pixels. The implementation shifts the whole map once for each neighbor.
"""

import jax.numpy as jnp
from jax import lax

from jaxseg.typing import Array

# Offsets (rows, columns). Entry 7 - n is opposite to entry n.
OFFSETS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))


def ring(x: Array, rate: int = 1, *, fill=0) -> Array:
    """Returns the values at the eight offsets {-rate, 0, rate}^2 other than (0, 0).

    ring(x)[n, b, i, j] = x[b, i + rate * di, j + rate * dj] with (di, dj) = OFFSETS[n],
    and `fill` outside the map.

    Args:
      x: [B, H, W, ...], of any dtype.
      rate: Distance in pixels, at least 1.
      fill: The value of pixels outside the map.

    Returns:
      [8, B, H, W, ...].

    Raises:
      ValueError: If the rate is less than 1.
    """
    if rate < 1:
        raise ValueError(f"rate={rate} is invalid: expected 1 or more.")
    height, width = x.shape[1:3]
    frame = [(0, 0), (rate, rate), (rate, rate)] + [(0, 0)] * (x.ndim - 3)
    padded = jnp.pad(x, frame, constant_values=fill)

    def shifted(row, column):
        rows = lax.slice_in_dim(padded, rate + row, rate + row + height, axis=1)
        return lax.slice_in_dim(rows, rate + column, rate + column + width, axis=2)

    return jnp.stack([shifted(rate * row, rate * column) for row, column in OFFSETS])
