"""Rotary position embedding with two axes (arXiv 2104.09864, arXiv 2508.10104).

The channels of queries and keys form pairs, and each pair is rotated by an angle that
is proportional to the row or to the column of the patch. The product of a query and a
key then depends on the distance between their patches.
"""

import jax.numpy as jnp
import numpy as np

from jaxseg.typing import Array, Size


def rotary_angles(
    size: Size, channels: int, *, base: float = 100.0, leading: int = 0
) -> Array:
    """Computes the angles by which the channels of each token are rotated.

    The centers of the patches are mapped to coordinates between -1 and 1, separately
    for rows and columns. The angle of a pair is 2 pi times the coordinate divided by
    the period of the pair. The periods are `base` ** (4 i / `channels`) for i = 0, 1,
    ..., `channels` / 4 - 1. The first half of the pairs belongs to the rows and the
    second half to the columns.

    Args:
      size: Number of rows and columns of patches, (h, w).
      channels: Number of channels of an attention head, a multiple of 4.
      base: The base of the periods. All periods are shorter than `base`.
      leading: Number of tokens, such as the class token, that come before the patches.
        They are not rotated.

    Returns:
      Angles in radians, float32 [leading + h * w, channels / 2]. The patches are in
      row-major order.

    Raises:
      ValueError: If `channels` is not a multiple of 4.

    References:
      Simeoni et al., DINOv3, arXiv 2508.10104, section 3.2; the constants are those of
      the authors' code (facebookresearch/dinov3).
    """
    if channels % 4:
        raise ValueError(
            f"channels={channels} is invalid: expected a multiple of 4 channels for "
            "each attention head."
        )
    quarter = channels // 4
    periods = np.float32(base) ** (np.arange(quarter, dtype=np.float32) / quarter)
    rows, columns = (
        2 * jnp.pi * _centers(side)[:, None] / jnp.asarray(periods)[None]
        for side in size
    )
    shape = (rows.shape[0], columns.shape[0], quarter)
    both = (
        jnp.broadcast_to(rows[:, None], shape),
        jnp.broadcast_to(columns[None], shape),
    )
    angles = jnp.concatenate(both, axis=-1).reshape(-1, 2 * quarter)
    return jnp.pad(angles, ((leading, 0), (0, 0)))


def rotate(x: Array, angles: Array) -> Array:
    """Rotates pairs of channels by the angles of their tokens.

    Channel i is paired with channel i + D / 2.

    Args:
      x: Queries or keys, [B, N, H, D].
      angles: The angles in radians, [N, D / 2].

    Returns:
      [B, N, H, D] in the dtype of `x`. The computation is float32.
    """
    first, second = jnp.split(x.astype(jnp.float32), 2, axis=-1)
    cosine, sine = (f(angles)[None, :, None] for f in (jnp.cos, jnp.sin))
    pair = (first * cosine - second * sine, second * cosine + first * sine)
    return jnp.concatenate(pair, axis=-1).astype(x.dtype)


def _centers(side):
    """Returns the centers of the patches of an axis as coordinates from -1 to 1."""
    return 2 * (jnp.arange(side, dtype=jnp.float32) + 0.5) / side - 1
