"""Computes the boundary loss (Kervadec et al., arXiv 1812.07032).

The softmax probability of each class is multiplied by the signed distance of the pixel
to the region of that class: positive outside, negative inside. The distances are exact
Euclidean distances, computed on the device from the label after data augmentation. The
loss is meant to be added to a region loss or to cross entropy with a small coefficient.
Its value can be negative.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxseg.losses import mask


def boundary(
    logits: jax.Array, label: jax.Array, *, void: int = 255
) -> tuple[jax.Array, jax.Array]:
    """Computes the boundary loss, the mean of distance * softmax over the classes.

    Distances are measured to labeled pixels only; a border to void pixels is no
    boundary. If an image has no pixel of a class, or all its labeled pixels have this
    class, the class contributes 0.

    Args:
      logits: [B, H, W, K], of any float type.
      label: Integers [B, H, W], 0 to K - 1 or `void`.
      void: The ignore index.

    Returns:
      The loss of each pixel, in units of pixels, and its weight in the mean, each
      [B, H, W]. Void pixels have weight 0.
    """
    mask.check_shapes(logits, label)
    count = logits.shape[-1]
    known = label != void
    scores = jnp.where(known[..., None], logits.astype(jnp.float32), 0.0)
    member = mask.one_hot(label, count) & known[..., None]
    distance = signed_distance(member, ~member & known[..., None])
    value = (distance * jax.nn.softmax(scores)).mean(-1)
    value = value + mask.nan_on_invalid_label(label, count, void)
    return jnp.where(known, value, 0.0), known.astype(jnp.float32)


def signed_distance(region: jax.Array, rest: jax.Array) -> jax.Array:
    """Computes the signed distance of each pixel to the region of each class.

    For a pixel outside a region, it is the distance to the nearest pixel of the region.
    For a pixel inside, it is 1 - d, where d is the distance to the nearest pixel of
    `rest`, as in the authors' code. As d is at least 1, 1 - d is at most 0.

    Args:
      region: Booleans [B, H, W, K].
      rest: Booleans [B, H, W, K], the labeled pixels outside each region.

    Returns:
      float32 [B, H, W, K] in pixels; 0 where `region` or `rest` has no pixel.
    """
    signed = jnp.where(region, 1 - distance_to(rest), distance_to(region))
    axes = (1, 2)
    both = region.any(axes, keepdims=True) & rest.any(axes, keepdims=True)
    return jnp.where(both, signed, 0.0)


def distance_to(seed: jax.Array) -> jax.Array:
    """Computes the exact Euclidean distance of each pixel to the nearest True pixel.

    The distance to the nearest True pixel in the same column is computed first. The
    squared distance is then the minimum of column^2 + offset^2 over the pixels of a
    row, where column is that first distance and offset is the distance along the row.
    The result is meaningless for a map without a True pixel.

    Args:
      seed: Booleans [B, H, W, K].

    Returns:
      float32 [B, H, W, K] in pixels.
    """
    height, width = seed.shape[1:3]
    far = height + width
    row = jnp.arange(height).reshape(1, height, 1, 1)
    above = jax.lax.cummax(jnp.where(seed, row, -far), axis=1)
    below = jax.lax.cummin(jnp.where(seed, row, 2 * far), axis=1, reverse=True)
    column = jnp.minimum(row - above, below - row).astype(jnp.float32) ** 2
    position = jnp.arange(width).reshape(1, 1, width, 1)

    def nearer(source, best):
        offset = (position - source).astype(jnp.float32) ** 2
        start = jax.lax.dynamic_slice_in_dim(column, source, 1, axis=2)
        return jnp.minimum(best, start + offset)

    best = jax.lax.fori_loop(0, width, nearer, jnp.full_like(column, jnp.inf))
    return jnp.sqrt(best)
