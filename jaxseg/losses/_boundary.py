"""Boundary loss (Kervadec et al., arXiv 1812.07032).

The softmax of each class is weighted by the signed distance to that class's region:
positive outside, negative inside. The distances are exact Euclidean ones and are made
on the device, after augmentation, so a flipped image needs no new maps from the host.
Meant to be added to a region loss or cross entropy with a small coefficient; the
value may be negative.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxseg.losses import mask


def boundary(
    logits: jax.Array, label: jax.Array, *, void: int = 255
) -> tuple[jax.Array, jax.Array]:
    """Mean over k of distance_k * softmax_k, and weight; both [B, H, W], in pixels.

    Void pixels have weight 0 and make no boundary: distances are those between
    labeled pixels. A class that an image lacks, or that fills it, adds nothing.
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
    """Distance in pixels from each region [B, H, W, K]: > 0 outside, <= 0 inside.

    Outside: to the nearest pixel of the region. Inside: 1 - distance to the nearest
    pixel of `rest`, as the authors' code has it. 0 where either of them is empty.
    """
    signed = jnp.where(region, 1 - distance_to(rest), distance_to(region))
    axes = (1, 2)
    both = region.any(axes, keepdims=True) & rest.any(axes, keepdims=True)
    return jnp.where(both, signed, 0.0)


def distance_to(seed: jax.Array) -> jax.Array:
    """Exact Euclidean distance to the nearest True of seed [B, H, W, K], float32.

    Separable: distance along the column first, then for each row the least of
    column^2 + offset^2; H log H + W^2 steps in all. Meaningless without any seed.
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
