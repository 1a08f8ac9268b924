"""Computes the generalized energy distance of two sets of segmentations.

This is the measure of the Probabilistic U-Net (arXiv 1806.05034), after Szekely and
Rizzo 2013:

    D^2 = 2 E d(S, Y) - E d(S, S') - E d(Y, Y')        d = 1 - IoU

The means E are over all pairs of label maps, where S and S' are samples of the model
and Y and Y' are the label maps of the raters. They include the pairs of a map with
itself, as in the authors' code. Therefore D^2 is 0 if the samples and the maps of the
raters have the same distribution. Two maps that have no labeled pixel in common have
the distance 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp


def iou_distances(
    one: jax.Array, other: jax.Array, *, classes: Sequence[int], void: int = 255
) -> jax.Array:
    """Computes the distance d = 1 - mean IoU of every pair of label maps.

    The mean is over those of `classes` that occur in at least one of the two maps. If
    none of them occurs, d is 0. For example, two raters of the LIDC dataset who see no
    lesion agree, because the lesion is the only class whose IoU counts. Pixels that are
    void in one of the maps do not count.

    Args:
      one: Label maps, integers [N, H, W].
      other: Label maps, integers [M, H, W].
      classes: The classes whose IoU counts.
      void: The ignore index.

    Returns:
      float32 [N, M].

    Raises:
      ValueError: If the shapes do not match or `classes` is empty.
    """
    if one.ndim != 3 or one.shape[1:] != other.shape[1:]:
        raise ValueError(
            f"one.shape={one.shape} with other.shape={other.shape} is invalid: "
            "expected [N, H, W] and [M, H, W]."
        )
    if not classes:
        raise ValueError("classes=() is invalid: expected at least one class.")
    rows, columns = (maps.reshape(maps.shape[0], -1) for maps in (one, other))
    known_rows, known_columns = (
        (x != void).astype(jnp.float32) for x in (rows, columns)
    )
    total: jax.Array | float = 0.0
    seen: jax.Array | float = 0.0
    for k in classes:
        here, there = ((x == k).astype(jnp.float32) for x in (rows, columns))
        both = here @ there.T
        either = here @ known_columns.T + known_rows @ there.T - both
        total += jnp.where(either > 0, both / jnp.maximum(either, 1), 0.0)
        seen += either > 0
    return jnp.where(seen > 0, 1 - total / jnp.maximum(seen, 1), 0.0)


def energy_distance(
    samples: jax.Array,
    raters: jax.Array,
    *,
    classes: Sequence[int],
    void: int = 255,
) -> dict[str, jax.Array]:
    """Computes the squared generalized energy distance of one image.

    Args:
      samples: Label maps drawn from a model, integers [N, H, W].
      raters: The label maps of the raters, integers [M, H, W].
      classes: The classes whose IoU counts, see `iou_distances`.
      void: The ignore index.

    Returns:
      A dictionary of scalars: "ged" is the distance D^2, "across" is E d(S, Y),
      "samples" is E d(S, S') and "raters" is E d(Y, Y').
    """
    pairs = {
        "across": (samples, raters),
        "samples": (samples, samples),
        "raters": (raters, raters),
    }
    means = {
        name: iou_distances(*maps, classes=classes, void=void).mean()
        for name, maps in pairs.items()
    }
    ged = 2 * means["across"] - means["samples"] - means["raters"]
    return {"ged": ged, **means}
