"""Samples maps at points between pixels: bilinear samples and deformable attention.

A point is a pair (x, y). The map covers the square from (0, 0), its upper left corner,
to (1, 1), its lower right corner, so that the center of the pixel in row i and column j
of a map with h rows and w columns is ((j + 1/2) / w, (i + 1/2) / h). Outside, the map
is 0. These are the samples of PyTorch's `grid_sample` with `align_corners=False` and
`padding_mode="zeros"`, whose points range from -1 to 1.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxseg.typing import Array


class Corner(NamedTuple):
    """Describes one of the four pixels from which each sample is interpolated.

    Attributes:
      pixel: The index of the pixel in the flattened map, row * w + column, int32 [...].
      weight: The weight of the pixel, float32 [...]. If the pixel is outside of the
        map, its weight is 0, and `pixel` is the index of the nearest pixel of the map.
    """

    pixel: Array
    weight: Array


def corners(points: Array, height: int, width: int) -> tuple[Corner, ...]:
    """Returns the four pixels that surround each point, with their weights.

    Args:
      points: Pairs (x, y), float32 [..., 2]. The map covers the square from (0, 0), its
        upper left corner, to (1, 1), its lower right corner.
      height: Number of rows of the map.
      width: Number of columns of the map.

    Returns:
      Four corners. Their weights add up to 1 for points whose four pixels are all
      inside of the map.
    """
    # Further outside, all weights are 0 as well, and the integers stay small.
    x = jnp.clip(points[..., 0] * width - 0.5, -1, width)
    y = jnp.clip(points[..., 1] * height - 0.5, -1, height)
    left, top = jnp.floor(x), jnp.floor(y)
    found = []
    for row, row_weight in ((top, top + 1 - y), (top + 1, y - top)):
        for column, column_weight in ((left, left + 1 - x), (left + 1, x - left)):
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            near_row = jnp.clip(row, 0, height - 1).astype(jnp.int32)
            near_column = jnp.clip(column, 0, width - 1).astype(jnp.int32)
            weight = jnp.where(inside, row_weight * column_weight, 0.0)
            found.append(Corner(near_row * width + near_column, weight))
    return tuple(found)


def sample(maps: Array, points: Array) -> Array:
    """Interpolates maps bilinearly at points.

    Args:
      maps: [B, h, w, C].
      points: Pairs (x, y), float32 [B, N, 2]. A map covers the square from (0, 0), its
        upper left corner, to (1, 1), its lower right corner, and is 0 outside.

    Returns:
      The samples, [B, N, C], in the dtype of `maps`.

    References:
      The result is that of `torch.nn.functional.grid_sample` with
      `align_corners=False` and `padding_mode="zeros"`, whose points range from -1 to 1.
    """
    batch, height, width, channels = maps.shape
    flat = maps.reshape(batch, height * width, channels)
    take = jax.vmap(lambda values, index: jnp.take(values, index, axis=0, mode="clip"))
    parts = (
        take(flat, corner.pixel) * corner.weight[..., None].astype(maps.dtype)
        for corner in corners(points, height, width)
    )
    return sum(parts, start=jnp.zeros((*points.shape[:2], channels), maps.dtype))


def deformable_attention(
    maps: Sequence[Array], locations: Array, weights: Array
) -> Array:
    """Adds weighted samples of several maps: multi-scale deformable attention.

    The samples are computed again for the gradient, so that they need not be stored.

    Args:
      maps: The values of each level, [B, h, w, H, D] for H heads. The levels may have
        different sizes.
      locations: The points at which each query samples each level for each head, pairs
        (x, y), float32 [B, N, H, levels, points, 2]. Each level covers the square from
        (0, 0), its upper left corner, to (1, 1), its lower right corner.
      weights: The weight of each sample, float32 [B, N, H, levels, points].

    Returns:
      [B, N, H, D] in the dtype of the maps.

    Raises:
      ValueError: If the number of maps is not the number of levels.

    References:
      Zhu et al., Deformable DETR, arXiv 2010.04159, equation 3.
    """
    if locations.shape[3] != len(maps):
        raise ValueError(
            f"len(maps)={len(maps)} is invalid: expected {locations.shape[3]}, the "
            "number of levels of `locations`."
        )
    level_sum = jax.checkpoint(_level_sum)
    total = sum(
        level_sum(values, locations[:, :, :, level], weights[:, :, :, level])
        for level, values in enumerate(maps)
    )
    return jnp.asarray(total).astype(maps[0].dtype)


def _level_sum(values: Array, points: Array, weights: Array) -> Array:
    """Returns the weighted samples of one level, float32 [B, N, H, D]."""
    batch, height, width, heads, depth = values.shape
    flat = values.reshape(batch, height * width, heads, depth)
    take = lambda one, index: jnp.take(one, index, axis=0, mode="clip")
    take = jax.vmap(jax.vmap(take, in_axes=(1, 1), out_axes=1))  # examples, heads
    total = jnp.zeros((*points.shape[:3], depth), jnp.float32)
    for corner in corners(points, height, width):
        total = total + jnp.einsum(
            "bnhp,bnhpd->bnhd",
            (corner.weight * weights).astype(values.dtype),
            take(flat, corner.pixel),
            preferred_element_type=jnp.float32,
        )
    return total
