"""Computes a binary cross entropy for edge maps that balances edges and other pixels.

This is the edge loss of Gated-SCNN (arXiv 1907.05740), with the weights of HED (arXiv
1504.06375). Of N labeled pixels, let N+ be edge pixels and N- other pixels. Each edge
pixel has the weight N- / N and each other pixel N+ / N, so that both groups have the
same total weight, N+ N- / N.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxseg.losses.reduction import total


def edge_target(label: jax.Array, *, radius: int = 1, void: int = 255) -> jax.Array:
    """Finds the edge pixels: those that are close to a pixel of another class.

    Two pixels are close if neither their rows nor their columns differ by more than
    `radius`. Void pixels are never edges and do not create edges.

    Differs: Gated-SCNN draws edges with a Euclidean radius, and also around void.

    Args:
      label: Integers [B, H, W].
      radius: Distance in pixels, at least 1.
      void: The ignore index.

    Returns:
      Booleans [B, H, W], True at edge pixels.

    Raises:
      ValueError: If the radius is less than 1.
    """
    if radius < 1:
        raise ValueError(f"radius={radius} is invalid: expected 1 or more.")
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
    """Computes the binary cross entropy of an edge map, with balanced weights.

    The weights give edge pixels and other pixels the same total weight. The mean is
    over all labeled pixels.

    Args:
      logits: Edge logits [B, H, W, 1], before the sigmoid.
      label: Class labels [B, H, W], from which `edge_target` derives the edges.
      void: The ignore index.
      radius: The radius of `edge_target` in pixels. A pixel is an edge pixel if another
        class occurs within this number of rows and columns.
      axis_name: The axis of pmap over which edges are counted. Without it, each device
        counts its own.

    Returns:
      The loss of each pixel and its weight in the mean, each float32 [B, H, W].

    Raises:
      ValueError: If the shapes do not match.
    """
    if logits.shape != (*label.shape, 1):
        raise ValueError(
            f"logits.shape={logits.shape} is invalid: expected {(*label.shape, 1)}, "
            "one edge logit for each pixel of the label."
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
