"""Binary cross entropy for an edge map, balanced between edge and no edge.

The edge loss of Gated-SCNN (arXiv 1907.05740; weights as in HED, arXiv 1504.06375):
positives weigh N- / N, negatives N+ / N, so that both groups weigh N+ N- / N in all.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxseg.losses.reduction import total


def edge_target(label: jax.Array, *, radius: int = 1, void: int = 255) -> jax.Array:
    """Boolean [B, H, W]: is a pixel of another class within `radius` (a square)?

    Void pixels make no edge and are none.

    Differs: Gated-SCNN draws its edges with a Euclidean radius, and around void.
    """
    if radius < 1:
        raise ValueError(f"radius is {radius}; allowed is radius >= 1")
    known = label != void
    top = jnp.iinfo(jnp.int32).max
    label = label.astype(jnp.int32)
    largest = -_window_min(jnp.where(known, -label, top), radius, top)
    smallest = _window_min(jnp.where(known, label, top), radius, top)
    return known & (largest != smallest)


def edge_cross_entropy(
    logits: jax.Array,
    label: jax.Array,
    *,
    void: int = 255,
    radius: int = 1,
    axis_name: str | None = None,
) -> tuple[jax.Array, jax.Array]:
    """Balanced binary cross entropy and weight, [B, H, W]; divide by labeled pixels.

    Args:
      logits: edge logits [B, H, W, 1], before the sigmoid.
      label: class labels; the edges are derived by `edge_target`.
      axis_name: under pmap, counts edges over all devices; else per replica.
    """
    if logits.shape != (*label.shape, 1):
        raise ValueError(
            f"logits have shape {logits.shape}; label {label.shape} needs "
            f"{(*label.shape, 1)}"
        )
    known = label != void
    edge = edge_target(label, radius=radius, void=void)
    positives = total(edge.sum(), axis_name).astype(jnp.float32)
    pixels = total(known.sum(), axis_name).astype(jnp.float32)
    share = positives / jnp.maximum(pixels, 1.0)
    score = jnp.where(known, logits[..., 0].astype(jnp.float32), 0.0)
    loss = jax.nn.softplus(jnp.where(edge, -score, score))
    value = jnp.where(edge, 1 - share, share) * loss
    weight = known.astype(jnp.float32)
    return value * weight, weight


def _window_min(x, radius, top):
    side = 2 * radius + 1
    pad = ((0, 0), (radius, radius), (radius, radius))
    return jax.lax.reduce_window(
        x, jnp.int32(top), jax.lax.min, (1, side, side), (1, 1, 1), pad
    )
