"""Position embedding of a map by sines and cosines, as in DETR (arXiv 2005.12872)."""

import jax.numpy as jnp
import numpy as np

from jaxseg.typing import Array

_TEMPERATURE = 10_000  # As in DETR and in the transformer of arXiv 1706.03762.


def sine_positions(height: int, width: int, channels: int) -> Array:
    """Computes an embedding of the row and the column of each pixel.

    The first n = channels / 2 channels describe the row, and the other n the column.
    Row i of h rows has the angle a = 2 pi (i + 1) / h. Channels 2 k and 2 k + 1 are the
    sine and the cosine of a / 10000^(2 k / n). Columns have the same equations.

    Args:
      height: Number of rows.
      width: Number of columns.
      channels: Number of channels, a multiple of 4.

    Returns:
      float32 [height, width, channels].

    Raises:
      ValueError: If 4 does not divide the number of channels.

    References:
      Carion et al., DETR, arXiv 2005.12872, appendix A.4; constants of the authors'
      code and of transformers.
    """
    if channels % 4:
        raise ValueError(f"channels={channels} is invalid: expected a multiple of 4.")
    half = channels // 2
    divisors = _TEMPERATURE ** (np.arange(0, half, 2, dtype=np.float32) / half)

    def axis(side):
        place = jnp.arange(1, side + 1, dtype=jnp.float32)
        place = place / (jnp.asarray(side, jnp.float32) + 1e-6) * (2 * np.pi)
        angles = place[:, None] / jnp.asarray(divisors)[None]
        pairs = jnp.stack([jnp.sin(angles), jnp.cos(angles)], axis=-1)
        return pairs.reshape(side, half)

    rows, columns = axis(height), axis(width)
    shape = (height, width, half)
    parts = (rows[:, None], columns[None])
    return jnp.concatenate([jnp.broadcast_to(x, shape) for x in parts], axis=-1)
