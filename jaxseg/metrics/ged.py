"""Generalized energy distance of two sets of segmentations of one image.

The measure of the Probabilistic U-Net (arXiv 1806.05034, after Szekely and Rizzo 2013):

    D^2 = 2 E d(S, Y) - E d(S, S') - E d(Y, Y')        d = 1 - IoU

over all pairs of samples S and raters' labels Y, pairs of one with itself included, as
in the authors' release: D^2 is then the squared distance of the two empirical
distributions, 0 when they are equal. Pairs that share no labeled pixel do not differ.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp


def iou_distances(
    one: jax.Array, other: jax.Array, *, classes: Sequence[int], void: int = 255
) -> jax.Array:
    """d = 1 - mean IoU of every pair, float32 [N, M].

    The mean is over those of `classes` that either map has. Where both have none, d is
    0: two raters who see no lesion agree (the convention for LIDC; there `classes` is
    the lesion alone). Pixels that are void in either map are left out.

    Args:
      one, other: label maps, int [N, H, W] and [M, H, W].
    """
    if one.ndim != 3 or one.shape[1:] != other.shape[1:]:
        raise ValueError(
            f"one {one.shape} and other {other.shape} do not fit; want [N, H, W], "
            "[M, H, W]"
        )
    if not classes:
        raise ValueError("classes is empty; one class at least is needed")
    rows, columns = (maps.reshape(maps.shape[0], -1) for maps in (one, other))
    known_rows, known_columns = (
        (x != void).astype(jnp.float32) for x in (rows, columns)
    )
    total = seen = 0.0
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
    """Squared generalized energy distance of one image, and its three parts.

    Args:
      samples: label maps drawn from a model, int [N, H, W].
      raters: the raters' label maps, int [M, H, W].
      classes: whose IoU counts, see `iou_distances`.

    Returns: scalars "ged", "across" E d(S, Y), "samples" E d(S, S'), "raters".
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
